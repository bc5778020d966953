namespace Iii.Broker.Memory;

/// <summary>The configuration of a <see cref="MemoryWorld"/>.</summary>
public sealed record MemoryWorldOptions
{
    /// <summary>
    /// The bounds. A group's length counts all it holds: waiting, delayed, delivered and dead messages; so a group full of dead
    /// letters refuses new messages until somebody redrives or discards some.
    /// </summary>
    public BrokerLimits Limits { get; init; } = new();

    /// <summary>How long disposing a bus subscription waits for its handler before it sets the handler's token.</summary>
    public TimeSpan BusDrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Told of every exception that a bus or queue handler throws. It must be fast and must not throw. The default forgets them,
    /// since a handler is expected not to throw.
    /// </summary>
    public Action<Exception> HandlerFailed { get; init; } = static _ => { };
}
