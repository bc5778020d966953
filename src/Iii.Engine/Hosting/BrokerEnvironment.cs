using Microsoft.Extensions.Logging;

namespace Iii.Engine.Hosting;

/// <summary>What an adapter is told of the engine that connects.</summary>
/// <param name="ClusterName">The cluster: what an adapter keeps in its broker is that of this cluster alone.</param>
/// <param name="InstanceName">This instance, for the broker's own tools.</param>
/// <param name="Loggers">Where the adapter logs.</param>
/// <param name="Time">The clock.</param>
public sealed record BrokerEnvironment(string ClusterName, string InstanceName, ILoggerFactory Loggers, TimeProvider Time);
