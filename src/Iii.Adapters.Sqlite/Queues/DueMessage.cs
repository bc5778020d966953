namespace Iii.Adapters.Sqlite.Queues;

/// <summary>A delayed message whose time has come.</summary>
/// <param name="Entry">Its place before.</param>
/// <param name="Holds">Whether it is the head of its lane.</param>
/// <param name="Group">Whose copy it is.</param>
/// <param name="Body">Where its payload is, if not beside it.</param>
internal readonly record struct DueMessage(LineEntry Entry, bool Holds, long Group, long? Body);
