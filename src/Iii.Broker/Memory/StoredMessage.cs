namespace Iii.Broker.Memory;

/// <summary>What was enqueued, copied once and shared by all groups. Never changes.</summary>
internal sealed record StoredMessage(
    string Id,
    ReadOnlyMemory<byte> Payload,
    IReadOnlyDictionary<string, string> Headers,
    string? OrderingKey,
    int Priority,
    DateTimeOffset EnqueuedAt);
