using Microsoft.Extensions.Logging;

namespace Iii.Sdk;

/// <summary>How a worker connects, and its bounds.</summary>
/// <example>
/// <code>
/// var options = new IiiWorkerOptions { Name = "billing", InvocationTimeout = TimeSpan.FromSeconds(5) };
/// await using var worker = await IiiWorker.ConnectAsync("ws://localhost:49134", options);
/// </code>
/// </example>
public sealed record IiiWorkerOptions
{
    /// <summary>Default of <see cref="InvocationTimeout"/>: 30 s.</summary>
    public static readonly TimeSpan DefaultInvocationTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Default of <see cref="MaxConcurrentInvocations"/>.</summary>
    public const int DefaultMaxConcurrentInvocations = 1024;

    /// <summary>Default of <see cref="MaxWaitingInvocations"/>.</summary>
    public const int DefaultMaxWaitingInvocations = 16_384;

    /// <summary>Default of <see cref="MaxQueuedCalls"/>.</summary>
    public const int DefaultMaxQueuedCalls = 10_000;

    /// <summary>Default of <see cref="MaxMessageBytes"/>: 64 MiB, as much as the engine takes by default.</summary>
    public const int DefaultMaxMessageBytes = 64 * 1024 * 1024;

    /// <summary>Default of <see cref="MaxOutboundBytes"/>: 64 MiB.</summary>
    public const long DefaultMaxOutboundBytes = 64L * 1024 * 1024;

    /// <summary>Default of <see cref="ShutdownTimeout"/>: 10 s.</summary>
    public static readonly TimeSpan DefaultShutdownTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How the worker is called in lists. Default: host and process id, as <c>host:pid</c>.</summary>
    public string? Name { get; init; }

    /// <summary>What the worker is for, in lists.</summary>
    public string? Description { get; init; }

    /// <summary>Headers of the handshake, for a proxy in front of the engine for example. They are not sent to channels.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Performs the handshake; null for a shared client. Give one to trust another certificate or to use a certain proxy.</summary>
    /// <remarks>Its handler must support HTTP/1.1 upgrades, as <see cref="SocketsHttpHandler"/> does. It is not disposed of.</remarks>
    public HttpMessageInvoker? Http { get; init; }

    /// <summary>How long a call waits for its answer when it does not say otherwise. Default 30 s.</summary>
    public TimeSpan InvocationTimeout { get; init; } = DefaultInvocationTimeout;

    /// <summary>Handlers that run at a time. Default 1,024. Invocations beyond it wait, in order.</summary>
    /// <remarks>Functions that <see cref="RegisterFunctionOptions.RunsInline"/> do not count.</remarks>
    public int MaxConcurrentInvocations { get; init; } = DefaultMaxConcurrentInvocations;

    /// <summary>Invocations that may wait for their turn. Default 16,384. One more is answered with <c>worker_overloaded</c>.</summary>
    /// <remarks>
    /// Reading never stops, however many wait: a handler may itself wait for an answer that comes over the same connection.
    /// </remarks>
    public int MaxWaitingInvocations { get; init; } = DefaultMaxWaitingInvocations;

    /// <summary>Calls that may wait for the connection. Default 10,000. One more fails at once with <see cref="IiiConnectionException.QueueFull"/>.</summary>
    public int MaxQueuedCalls { get; init; } = DefaultMaxQueuedCalls;

    /// <summary>Longest message accepted from the engine. Default 64 MiB. A longer one ends the connection, and a new one is made.</summary>
    public int MaxMessageBytes { get; init; } = DefaultMaxMessageBytes;

    /// <summary>Bytes that may wait to be written. Default 64 MiB. Beyond it, calls and answers wait until they are written.</summary>
    public long MaxOutboundBytes { get; init; } = DefaultMaxOutboundBytes;

    /// <summary>How long a handshake may take. Default 10 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two pings. Default 20 s.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the engine may stay silent. Default 60 s. Beyond it the connection is cut and made anew.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long disposal waits for handlers that run. Default 10 s. Then their tokens are cancelled and the connection closed.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = DefaultShutdownTimeout;

    /// <summary>Whether the answer to a failed call carries the stack trace. Default false: it tells callers about this process.</summary>
    public bool SendStackTraces { get; init; }

    /// <summary>Where the SDK logs; null for nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }

    /// <summary>The clock; replaced in tests.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrentInvocations, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxWaitingInvocations);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxQueuedCalls);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxOutboundBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(InvocationTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(PingInterval, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(PingTimeout, PingInterval);
        ArgumentOutOfRangeException.ThrowIfLessThan(ShutdownTimeout, TimeSpan.Zero);
    }
}
