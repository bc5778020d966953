namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Where a message of a group is; it is in exactly one place. The numbers are in the file: never change one.</summary>
internal enum MessageState
{
    /// <summary>In the group's line, waiting or being handled.</summary>
    InLine = 0,

    /// <summary>Waiting for a time.</summary>
    Delayed = 1,

    /// <summary>Among the dead letters.</summary>
    Dead = 2,
}
