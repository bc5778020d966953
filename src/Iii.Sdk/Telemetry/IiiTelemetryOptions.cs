namespace Iii.Sdk;

/// <summary>How logs and spans are sent to the engine.</summary>
public sealed record IiiTelemetryOptions
{
    /// <summary>Default of <see cref="QueueCapacity"/>.</summary>
    public const int DefaultQueueCapacity = 10_000;

    /// <summary>Default of <see cref="BatchSize"/>.</summary>
    public const int DefaultBatchSize = 512;

    /// <summary>The name of the service that the records are of. Default: the name of the program.</summary>
    public string? ServiceName { get; init; }

    /// <summary>Records that may wait to be sent. Default 10,000. Beyond it new ones are dropped, and counted.</summary>
    public int QueueCapacity { get; init; } = DefaultQueueCapacity;

    /// <summary>Most records of one message. Default 512.</summary>
    public int BatchSize { get; init; } = DefaultBatchSize;

    /// <summary>How long records are gathered before they are sent. Default 100 ms.</summary>
    public TimeSpan BatchInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long disposal tries to send what waits. Default 2 s.</summary>
    public TimeSpan FlushTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The clock; replaced in tests.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
