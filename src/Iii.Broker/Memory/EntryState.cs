namespace Iii.Broker.Memory;

/// <summary>Where an entry is; it is in exactly one place.</summary>
internal enum EntryState
{
    /// <summary>In the waiting line.</summary>
    Waiting,

    /// <summary>Among those that wait for a time.</summary>
    Delayed,

    /// <summary>With a consumer.</summary>
    Delivering,

    /// <summary>Among the dead letters.</summary>
    Dead,
}
