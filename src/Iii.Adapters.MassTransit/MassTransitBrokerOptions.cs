using Iii.Broker;

namespace Iii.Adapters.MassTransit;

/// <summary>Which transport MassTransit uses, and the bounds of what goes over it.</summary>
public sealed record MassTransitBrokerOptions
{
    /// <summary>The cluster of those who do not name one.</summary>
    public const string DefaultCluster = "default";

    /// <summary>
    /// <c>amqp://user:password@host:port/vhost</c> for RabbitMQ, <c>amqps</c> for TLS; or <c>loopback://localhost/</c> for MassTransit's
    /// in-memory transport, which ends with this process. What has special characters is percent-encoded.
    /// </summary>
    public required string Url { get; init; }

    /// <summary>
    /// Part of every name in the broker: instances meet when it is the same. 1 to 32 characters of <c>a-z A-Z 0-9 . _ -</c>.
    /// </summary>
    public string Cluster { get; init; } = DefaultCluster;

    /// <summary>What the broker's own tools show as the name of the connections.</summary>
    public string ConnectionName { get; init; } = "iii";

    /// <summary>Each side gives a silent connection up after about twice this time, in whole seconds.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Longest time for connecting, for an answer of the broker, and for closing. MassTransit itself would wait for a lost connection to
    /// come back; after this time the call fails with <see cref="BrokerErrorCodes.BrokerUnavailable"/>, and the message may be stored later.
    /// </summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The bounds of the seam.</summary>
    public BrokerLimits Limits { get; init; } = new();

    /// <summary>Told of every exception that a handler throws, besides the log. It must be fast and must not throw.</summary>
    public Action<Exception> HandlerFailed { get; init; } = static _ => { };
}
