namespace Iii.Adapters.Sqlite.Queues;

/// <summary>A message as it is read from the file, or as it was just written.</summary>
internal sealed record StoredMessage(
    long Number,
    ReadOnlyMemory<byte> Payload,
    IReadOnlyDictionary<string, string> Headers,
    string? OrderingKey,
    int Priority,
    DateTimeOffset EnqueuedAt);
