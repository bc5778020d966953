namespace Iii.Adapters.Redis;

/// <summary>Items that are sent together.</summary>
internal interface IOutgoingBatch<TItem>
    where TItem : allows ref struct
{
    /// <summary>Whether one more fits; a first one always does.</summary>
    bool HasRoomFor(TItem item);

    /// <summary>Adds it.</summary>
    void Append(TItem item);
}
