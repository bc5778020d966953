namespace Iii.Adapters.Redis.Queues;

/// <summary>What stands for a record that this version cannot read: it becomes a dead letter with all its bytes as the payload.</summary>
internal static class UnreadableRecord
{
    public static AttemptFailure Reason { get; } = new(
        "unreadable_record",
        "The stored message is not of the format of this version. Its payload is the whole record; redrive it when an instance that can read it runs.");
}
