using System.Text.Json.Serialization;
using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Hosting;

namespace Iii.Engine.Modules.Queue;

/// <summary>The config of a queue module's <c>adapter</c>: the keys of all adapters, since files of the 0.8 era have them here.</summary>
/// <remarks>A key that is not here is ignored.</remarks>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
internal sealed record QueueAdapterOptions : IValidatableOptions
{
    private const string InMemory = "in_memory";
    private const string FileBased = "file_based";
    private const string BridgeAdapter = "bridge";
    private const string DefaultBridgeUrl = "ws://localhost:49134";

    /// <summary>Builtin: <c>file_based</c>, which is the default, or <c>in_memory</c>.</summary>
    public string? StoreMethod { get; init; }

    /// <summary>Builtin: the folder of the file.</summary>
    public string? FilePath { get; init; }

    /// <summary>Redis: where it is.</summary>
    public string? RedisUrl { get; init; }

    /// <summary>RabbitMQ: where it is.</summary>
    public string? AmqpUrl { get; init; }

    /// <summary>Bridge: the worker port of the other engine.</summary>
    public string? BridgeUrl { get; init; }

    /// <summary>Where the broker or the other engine is, whichever adapter it is; its own name of this goes before.</summary>
    public string? Url { get; init; }

    /// <summary>As in <see cref="BrokerOptions"/>.</summary>
    public int? ConnectTimeoutMs { get; init; }

    /// <summary>As in <see cref="QueueOptions"/>, before which it goes.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>As in <see cref="QueueOptions"/>, before which it goes.</summary>
    public int? BackoffMs { get; init; }

    /// <summary>As in <see cref="QueueOptions"/>, before which it goes.</summary>
    public int? Concurrency { get; init; }

    /// <summary>RabbitMQ: another name of <see cref="Concurrency"/>.</summary>
    public int? PrefetchCount { get; init; }

    /// <summary>Builtin: <c>fifo</c>, or anything else for standard.</summary>
    public string? Mode { get; init; }

    /// <summary>RabbitMQ: another name of <see cref="Mode"/>.</summary>
    public string? QueueMode { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Unless(
            StoreMethod is null or InMemory or FileBased,
            "store_method",
            $"{DisplayText.Quote(StoreMethod ?? "")} is not known; write '{FileBased}' or '{InMemory}'"),
        .. OptionError.Unless(
            BridgeUrl is null || (Uri.TryCreate(BridgeUrl, UriKind.Absolute, out var url) && url.Scheme is "ws" or "wss"),
            "bridge_url",
            $"{DisplayText.Quote(BridgeUrl ?? "")} is not the address of an engine; write one such as 'ws://engine.example.org:49134'"),
        .. OptionError.Minimum("connect_timeout_ms", ConnectTimeoutMs ?? 1, 1),
        .. OptionError.Minimum("max_attempts", MaxAttempts ?? 1, 0),
        .. OptionError.Minimum("backoff_ms", BackoffMs ?? 0, 0),
        .. OptionError.Range("concurrency", Concurrency ?? 1, 1, BrokerLimits.MaxConcurrency),
        .. OptionError.Range("prefetch_count", PrefetchCount ?? 1, 0, BrokerLimits.MaxConcurrency),
    ];

    /// <summary>The module's options with what the adapter's config says.</summary>
    /// <param name="options">The module's own.</param>
    /// <param name="adapter">The adapter's short name.</param>
    public QueueOptions ApplyTo(QueueOptions options, string adapter) => options with
    {
        Adapter = adapter == BridgeAdapter ? null : BrokerFor(adapter),
        BridgeUrl = adapter == BridgeAdapter ? BridgeUrl ?? DefaultBridgeUrl : null,
        MaxAttempts = Math.Max(MaxAttempts ?? options.MaxAttempts, 1),
        BackoffMs = BackoffMs ?? options.BackoffMs,
        Concurrency = Math.Max(Concurrency ?? PrefetchCount ?? options.Concurrency, 1),
        Type = (Mode ?? QueueMode) is { } mode
            ? mode.Equals("fifo", StringComparison.OrdinalIgnoreCase) ? QueueType.Fifo : QueueType.Standard
            : options.Type,
    };

    private BrokerOptions BrokerFor(string adapter)
    {
        var broker = adapter switch
        {
            "redis" => new BrokerOptions { Adapter = adapter, Url = RedisUrl ?? Url ?? "redis://localhost:6379" },
            "rabbitmq" => new BrokerOptions { Adapter = adapter, Url = AmqpUrl ?? Url ?? "amqp://localhost:5672" },
            "masstransit" => new BrokerOptions { Adapter = adapter, Url = Url ?? AmqpUrl ?? "amqp://localhost:5672" },
            _ when StoreMethod == InMemory => new BrokerOptions(),
            _ => new BrokerOptions
            {
                Adapter = QueueOptions.EmbeddedAdapter,
                Settings = FilePath is null ? BrokerOptions.NoSettings : new Dictionary<string, string> { ["path"] = FilePath },
            },
        };
        return broker with
        {
            ConnectTimeoutMs = ConnectTimeoutMs ?? BrokerOptions.DefaultConnectTimeoutMs,
            Section = "adapter of modules::queue::QueueModule",
        };
    }
}
