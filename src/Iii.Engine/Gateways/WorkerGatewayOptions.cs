using Iii.Engine.Configuration;

namespace Iii.Engine.Gateways;

/// <summary>The listener that workers connect to, and the limits of each connection.</summary>
/// <remarks>In the file: module <c>modules::worker::WorkerModule</c>, later name <c>iii-worker-manager</c>.</remarks>
public sealed record WorkerGatewayOptions : IValidatableOptions
{
    /// <summary>Default of <see cref="Host"/>.</summary>
    public const string DefaultHost = "0.0.0.0";

    /// <summary>Default of <see cref="Port"/>.</summary>
    public const int DefaultPort = 49134;

    /// <summary>Default of <see cref="MaxMessageBytes"/>: 64 MiB.</summary>
    public const int DefaultMaxMessageBytes = 64 * 1024 * 1024;

    /// <summary>Default of <see cref="PingIntervalMs"/>.</summary>
    public const int DefaultPingIntervalMs = 20_000;

    /// <summary>Default of <see cref="PingTimeoutMs"/>.</summary>
    public const int DefaultPingTimeoutMs = 60_000;

    /// <summary>Default of <see cref="OutboundQueueBytes"/>: 64 MiB.</summary>
    public const long DefaultOutboundQueueBytes = 64L * 1024 * 1024;

    /// <summary>Default of <see cref="OutboundQueueMessages"/>.</summary>
    public const int DefaultOutboundQueueMessages = 65_536;

    /// <summary>Default of <see cref="MaxInvocations"/>.</summary>
    public const int DefaultMaxInvocations = 65_536;

    /// <summary>Default of <see cref="InvocationTimeoutMs"/>: ten minutes.</summary>
    public const int DefaultInvocationTimeoutMs = 600_000;

    /// <summary>Default of <see cref="MaxRegistrations"/>.</summary>
    public const int DefaultMaxRegistrations = 100_000;

    /// <summary>Default of <see cref="MaxChannels"/>.</summary>
    public const int DefaultMaxChannels = 16_384;

    /// <summary>Default of <see cref="DrainTimeoutMs"/>.</summary>
    public const int DefaultDrainTimeoutMs = 10_000;

    /// <summary>Default of <see cref="DrainDelayMs"/>.</summary>
    public const int DefaultDrainDelayMs = 0;

    /// <summary>Address to listen on. Default <c>0.0.0.0</c>: every interface.</summary>
    public string Host { get; init; } = DefaultHost;

    /// <summary>TCP port to listen on. Default 49134.</summary>
    /// <remarks>
    /// The top-level <c>port</c> of the file sets it too; given in both places the two must agree. A 0 in the file means the
    /// default. A 0 set in code asks the system for a free port.
    /// </remarks>
    public int Port { get; init; } = DefaultPort;

    /// <summary>
    /// Longest message accepted from a worker, in bytes. Default 64 MiB. A longer one closes the connection with 1009.
    /// </summary>
    public int MaxMessageBytes { get; init; } = DefaultMaxMessageBytes;

    /// <summary>Time between two pings to a worker, in milliseconds. Default 20,000.</summary>
    public int PingIntervalMs { get; init; } = DefaultPingIntervalMs;

    /// <summary>
    /// How long a worker may stay silent after a ping, in milliseconds. Default 60,000, and never less than
    /// <see cref="PingIntervalMs"/>. Beyond it the connection is dropped.
    /// </summary>
    public int PingTimeoutMs { get; init; } = DefaultPingTimeoutMs;

    /// <summary>Bytes that may wait to be sent to one worker. Default 64 MiB.</summary>
    /// <remarks>
    /// A call that does not fit goes to another provider, or fails with <c>worker_overloaded</c> when there is none. A reply that
    /// does not fit closes the connection with 1013.
    /// </remarks>
    public long OutboundQueueBytes { get; init; } = DefaultOutboundQueueBytes;

    /// <summary>
    /// Messages that may wait to be sent to one worker. Default 65,536. At the limit: as <see cref="OutboundQueueBytes"/>.
    /// </summary>
    public int OutboundQueueMessages { get; init; } = DefaultOutboundQueueMessages;

    /// <summary>
    /// Invocations that one worker may have under way. Default 65,536. Beyond it, calls go to another provider, or fail with
    /// <c>worker_overloaded</c>.
    /// </summary>
    public int MaxInvocations { get; init; } = DefaultMaxInvocations;

    /// <summary>
    /// Longest time a call made by a worker may take, in milliseconds. Default 600,000, which is well above the time that SDKs
    /// wait themselves. Then the call fails as timed out.
    /// </summary>
    public int InvocationTimeoutMs { get; init; } = DefaultInvocationTimeoutMs;

    /// <summary>
    /// Functions, triggers and trigger types one connection may have registered at a time. Default 100,000. A registration beyond
    /// it is refused.
    /// </summary>
    public int MaxRegistrations { get; init; } = DefaultMaxRegistrations;

    /// <summary>
    /// Channels that workers may have made at a time, on this instance. Default 16,384. Beyond it <c>engine::channels::create</c>
    /// fails with <c>limit_exceeded</c>.
    /// </summary>
    public int MaxChannels { get; init; } = DefaultMaxChannels;

    /// <summary>
    /// How long a shutdown waits for work in flight, in milliseconds. Default 10,000; 0 does not wait. What is still running then
    /// is stopped.
    /// </summary>
    public int DrainTimeoutMs { get; init; } = DefaultDrainTimeoutMs;

    /// <summary>
    /// How long a shutdown goes on as if nothing were, but for saying that it is not ready, in milliseconds. Default 0. Behind a balancer
    /// that checks <c>/health/ready</c>, a time in which it notices keeps requests from meeting a port that is just being closed.
    /// </summary>
    public int DrainDelayMs { get; init; } = DefaultDrainDelayMs;

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. OptionError.Host("host", Host),
        .. OptionError.Range("port", Port, 0, ushort.MaxValue),
        .. OptionError.Minimum("max_message_bytes", MaxMessageBytes, 1),
        .. OptionError.Minimum("ping_interval_ms", PingIntervalMs, 1),
        .. OptionError.Unless(
            PingTimeoutMs >= PingIntervalMs,
            "ping_timeout_ms",
            $"{PingTimeoutMs} is less than ping_interval_ms ({PingIntervalMs}); give a worker at least one interval to answer"),
        .. OptionError.Minimum("outbound_queue_bytes", OutboundQueueBytes, 1),
        .. OptionError.Minimum("outbound_queue_messages", OutboundQueueMessages, 1),
        .. OptionError.Minimum("max_invocations", MaxInvocations, 1),
        .. OptionError.Minimum("invocation_timeout_ms", InvocationTimeoutMs, 1),
        .. OptionError.Minimum("max_registrations", MaxRegistrations, 1),
        .. OptionError.Minimum("max_channels", MaxChannels, 0),
        .. OptionError.Minimum("drain_timeout_ms", DrainTimeoutMs, 0),
        .. OptionError.Minimum("drain_delay_ms", DrainDelayMs, 0),
    ];
}
