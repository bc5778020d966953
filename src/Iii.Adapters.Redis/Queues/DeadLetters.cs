namespace Iii.Adapters.Redis.Queues;

/// <summary>Reads dead letters.</summary>
internal static class DeadLetters
{
    /// <param name="queue">Its queue.</param>
    /// <param name="group">Its group.</param>
    /// <param name="position">When it died, in microseconds since 1970, or a little later.</param>
    /// <param name="id">Its id.</param>
    /// <param name="bytes">Its record.</param>
    /// <param name="historyText">Its history.</param>
    public static DeadLetterRecord Read(string queue, string group, long position, string id, byte[] bytes, string? historyText)
    {
        MessageRecord.TryRead(bytes, out var record);
        var history = MessageHistory.Parse(historyText);
        return new DeadLetterRecord
        {
            Queue = queue,
            Group = group,
            MessageId = id,
            Payload = record?.Payload ?? bytes,
            Headers = record?.Headers ?? MessageRecord.NoHeaders,
            OrderingKey = record?.OrderingKey,
            Priority = record?.Priority ?? 0,
            Reason = history.Failures.Count > 0 ? history.Failures[^1].Failure : UnreadableRecord.Reason,
            Attempts = history.Attempts,
            Failures = history.Failures,
            EnqueuedAt = MessageId.AcceptedAt(id),
            DeadAt = DateTimeOffset.UnixEpoch.AddMicroseconds(position),
        };
    }
}
