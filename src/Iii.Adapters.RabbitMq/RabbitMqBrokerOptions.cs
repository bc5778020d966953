using Iii.Broker;

namespace Iii.Adapters.RabbitMq;

/// <summary>How to reach RabbitMQ, and the bounds of what uses it.</summary>
public sealed record RabbitMqBrokerOptions
{
    /// <summary>The cluster of those who do not name one.</summary>
    public const string DefaultCluster = "default";

    /// <summary>
    /// <c>amqp://user:password@host:port/vhost</c>; <c>amqps</c> for TLS. Several hosts are separated by commas and tried in random
    /// order. Left out, the user is <c>guest</c> with its well-known password, the port 5672 or 5671, and the virtual host <c>/</c>.
    /// What has special characters is percent-encoded.
    /// </summary>
    public required string Url { get; init; }

    /// <summary>
    /// Part of every name in the broker, so that several clusters can share a virtual host: instances meet when it is the same.
    /// 1 to 32 characters of <c>a-z A-Z 0-9 . _ -</c>.
    /// </summary>
    public string Cluster { get; init; } = DefaultCluster;

    /// <summary>What the broker's own tools show as the name of the connections.</summary>
    public string ConnectionName { get; init; } = "iii";

    /// <summary>
    /// Each side gives a silent connection up after about twice this time. The broker notices a vanished instance that late when
    /// its machine could not close the connection.
    /// </summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time for connecting to one host, and for one answer of the broker to anything but a publish.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Bus: longest time until the broker confirms a frame. After it the connection counts as dead: all that waits fails with
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>, and it is connected anew.
    /// </summary>
    public TimeSpan ConfirmTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Queues: longest time until the broker confirms that it has stored a message; the same happens after it. A quorum queue that
    /// has no leader at the moment takes its time: the broker itself tries again after 10 s.
    /// </summary>
    public TimeSpan StoreTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Queues: with the first delay of all, the broker's queues for delays up to this one are declared; those for longer ones when they
    /// are needed. A queue that RabbitMQ 3.10 is killed with seconds after it was declared may be forgotten.
    /// </summary>
    public TimeSpan PreparedDelay { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>
    /// Queues: what is due within less than this time, rounded up to a power of two seconds and doubled, is held by an instance; what is due
    /// later lies in the broker alone. At least a second. The instance is late when the broker is later than this with handing on what lies
    /// there.
    /// </summary>
    public TimeSpan DelayLead { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Queues: bytes of delayed messages that an instance holds because they are due soon. Beyond it the instance gives them back, and holds an eighth
    /// of the number until it connects again, at least 256 of each half; what lies behind those may be late.
    /// </summary>
    public long MaxDelayedBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Longest pause between two attempts to connect again; the first comes at once and the pauses grow.</summary>
    public TimeSpan MaxReconnectPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Bus: bytes of frames that were published and not yet confirmed. At the bound publishing waits for room, in order, until its
    /// token is set.
    /// </summary>
    public int MaxOutgoingBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bus: how long disposing a subscription waits for its handler before it sets the handler's token.</summary>
    public TimeSpan BusDrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The bounds of the seams.</summary>
    public BrokerLimits Limits { get; init; } = new();

    /// <summary>
    /// Told of every exception that a bus or queue handler throws, besides the log. It must be fast and must not throw.
    /// </summary>
    public Action<Exception> HandlerFailed { get; init; } = static _ => { };
}
