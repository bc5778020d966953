namespace Iii.Broker.Memory;

/// <summary>
/// A broker within one process: all adapters that are made with the same world meet in it, as instances of a cluster meet in a
/// real broker. Nothing outlives it.
/// </summary>
public sealed class MemoryWorld
{
    /// <summary>Makes an empty world.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="time">Where its time comes from; null for the system's.</param>
    public MemoryWorld(MemoryWorldOptions? options = null, TimeProvider? time = null)
    {
        Options = options ?? new MemoryWorldOptions();
        Clock = new MemoryClock(time ?? TimeProvider.System);
        Subjects = new SubjectTable(Options.Limits);
        Queues = new QueueTable(Options, Clock);
        Scopes = new ScopeTable(Options.Limits);
        Leases = new LeaseTable(Options.Limits, Clock);
    }

    internal MemoryWorldOptions Options { get; }

    internal MemoryClock Clock { get; }

    internal SubjectTable Subjects { get; }

    internal QueueTable Queues { get; }

    internal ScopeTable Scopes { get; }

    internal LeaseTable Leases { get; }
}
