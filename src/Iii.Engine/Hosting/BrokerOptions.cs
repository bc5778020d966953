using System.Collections.ObjectModel;
using System.Text.Json.Serialization;
using Iii.Engine.Configuration;

namespace Iii.Engine.Hosting;

/// <summary>The broker over which the instances of a cluster meet.</summary>
/// <remarks>
/// In the file: <c>broker</c> at the top. Without it the environment decides: <c>REDIS_URL</c> makes it <c>redis</c> with that URL, or
/// else <c>RABBITMQ_URL</c> makes it <c>rabbitmq</c>; a variable that is empty counts as not set. With neither it is <c>memory</c>.
/// </remarks>
public sealed record BrokerOptions : IValidatableOptions
{
    /// <summary>The adapter that needs no server: the engine runs as one instance. It is the default.</summary>
    public const string MemoryAdapter = "memory";

    /// <summary>Default of <see cref="ConnectTimeoutMs"/>.</summary>
    public const int DefaultConnectTimeoutMs = 30_000;

    /// <summary>Name of the adapter: <c>memory</c>, or one that the host was given. Default <c>memory</c>.</summary>
    public string Adapter { get; init; } = MemoryAdapter;

    /// <summary>Where the broker is, as the adapter reads it. <c>memory</c> has none.</summary>
    public string? Url { get; init; }

    /// <summary>
    /// How long a start tries to reach the broker, once a second, in milliseconds. Default 30,000. Then the engine does not start.
    /// </summary>
    public int ConnectTimeoutMs { get; init; } = DefaultConnectTimeoutMs;

    /// <summary>All further keys of <c>broker</c>, as text: the adapter reads them, with <see cref="BrokerSettings"/>.</summary>
    [JsonIgnore]
    public IReadOnlyDictionary<string, string> Settings { get; init; } = NoSettings;

    /// <summary>No settings of an adapter's own.</summary>
    internal static IReadOnlyDictionary<string, string> NoSettings { get; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>What the configuration calls the place of these options, for messages.</summary>
    [JsonIgnore]
    internal string Section { get; init; } = "broker";

    /// <summary>The environment variable that decided; null when these options were given in a file or in code.</summary>
    [JsonIgnore]
    public string? Variable { get; init; }

    /// <summary>
    /// Where the broker is, for people: scheme, host and port of <see cref="Url"/>, and nothing that may hold a password. Null for none.
    /// </summary>
    [JsonIgnore]
    internal string? Address => Url is null ? null : BrokerAddress.Of(Url);

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Unless(Adapter.Length > 0, "adapter", "the name of the adapter is empty; write one such as 'redis'"),
        .. OptionError.Unless(
            Adapter != MemoryAdapter || Url is null,
            "url",
            $"the adapter '{MemoryAdapter}' is in this process and has no URL; name another adapter, such as 'redis', or remove the URL"),
        .. OptionError.Minimum("connect_timeout_ms", ConnectTimeoutMs, 1),
    ];

    /// <summary>Says which it is, and no password.</summary>
    public override string ToString() => $"{nameof(BrokerOptions)} {{ {nameof(Adapter)} = {Adapter}, {nameof(Address)} = {Address} }}";

    /// <summary>What decides where nothing is configured.</summary>
    /// <param name="environment">Gives the value of an environment variable; null when it is not set.</param>
    internal static BrokerOptions OfEnvironment(Func<string, string?> environment)
    {
        (string Variable, string Adapter)[] choices = [("REDIS_URL", "redis"), ("RABBITMQ_URL", "rabbitmq")];
        foreach (var (variable, adapter) in choices)
        {
            if (environment(variable) is { Length: > 0 } url)
            {
                return new BrokerOptions { Adapter = adapter, Url = url, Variable = variable };
            }
        }

        return new BrokerOptions();
    }
}
