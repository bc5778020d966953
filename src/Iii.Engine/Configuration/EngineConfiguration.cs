using Iii.Engine.Cluster;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Modules.Http;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Engine.Modules.Queue;

namespace Iii.Engine.Configuration;

/// <summary>Everything an engine instance is told at its start. It never changes while the instance runs.</summary>
public sealed record EngineConfiguration
{
    /// <summary>The <see cref="Source"/> of a configuration that no file had a part in.</summary>
    public const string DefaultsSource = "defaults";

    /// <summary>
    /// What runs when there is no file: all modules built so far that need no settings, each with its defaults.
    /// </summary>
    public static EngineConfiguration Defaults { get; } = new() { Http = new HttpOptions(), Queue = new QueueOptions() };

    /// <summary>The listener for workers. It is always there.</summary>
    public WorkerGatewayOptions Gateway { get; init; } = new();

    /// <summary>The broker. Default: memory, so that the engine runs as one instance.</summary>
    public BrokerOptions Broker { get; init; } = new();

    /// <summary>This instance among others.</summary>
    public ClusterOptions Cluster { get; init; } = new();

    /// <summary>The HTTP module; null when the configuration does not list it.</summary>
    public HttpOptions? Http { get; init; }

    /// <summary>The queue module; null when the configuration does not list it.</summary>
    public QueueOptions? Queue { get; init; }

    /// <summary>The module that calls functions over HTTP; null when the configuration does not list it.</summary>
    public HttpFunctionsOptions? HttpFunctions { get; init; }

    /// <summary>Bridges to other engines. Default none.</summary>
    public IReadOnlyList<BridgeOptions> Bridges { get; init; } = [];

    /// <summary>Where this came from: the file as the user named it, or <see cref="DefaultsSource"/>.</summary>
    public string Source { get; init; } = DefaultsSource;
}
