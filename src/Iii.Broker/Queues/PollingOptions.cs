namespace Iii.Broker;

/// <summary>How a <see cref="PollingConsumer"/> works.</summary>
public sealed record PollingOptions
{
    /// <summary>How long it waits where nothing is due before it looks again. Default 50 ms.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Told of every exception of the handler and of the store, to be logged: what could not be taken or renewed is tried again, and what could not be
    /// settled is delivered again when its lease has ended. It must be fast and must not throw.
    /// </summary>
    public required Action<Exception> Failed { get; init; }

    /// <summary>Called when dispose is done.</summary>
    public Action<PollingConsumer> Disposed { get; init; } = static _ => { };
}
