using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>One row of the messages, raw: headers and failures may turn out not to be readable.</summary>
internal sealed record MessageRow
{
    /// <summary>The columns that <see cref="Read"/> takes, in its order.</summary>
    public const string Columns =
        "id, copy, position, priority, lane, state, leased, holds, attempt, enqueued, time, ordering_key, headers, failures, payload, body";

    public required long Id { get; init; }

    /// <summary>The number of the message: the id of its first copy.</summary>
    public required long Number { get; init; }

    public required long Position { get; init; }

    public required int Priority { get; init; }

    public required long Lane { get; init; }

    public required MessageState State { get; init; }

    /// <summary>1 when it is with a consumer; 2 when it was, and is again: the first one was lost with its process.</summary>
    public required int Leased { get; init; }

    /// <summary>While it waits for its next attempt, those behind it of its lane wait too.</summary>
    public required bool Holds { get; init; }

    public required int Attempt { get; init; }

    public required long Enqueued { get; init; }

    /// <summary>When it is due, or when it died.</summary>
    public required long Time { get; init; }

    public string? OrderingKey { get; init; }

    public byte[]? Headers { get; init; }

    public byte[]? Failures { get; init; }

    /// <summary>Null when it lies in the <see cref="Body"/>.</summary>
    public byte[]? Payload { get; init; }

    public long? Body { get; init; }

    public LineEntry Entry => new(Id, Position, Lane, Priority);

    public static MessageRow Read(Statement row) => new()
    {
        Id = row.Number(0),
        Number = row.Number(0) - row.Number(1),
        Position = row.Number(2),
        Priority = (int)row.Number(3),
        Lane = row.Number(4),
        State = (MessageState)row.Number(5),
        Leased = (int)row.Number(6),
        Holds = row.Number(7) != 0,
        Attempt = (int)row.Number(8),
        Enqueued = row.Number(9),
        Time = row.Number(10),
        OrderingKey = row.Text(11),
        Headers = BytesOrNull(row, 12),
        Failures = BytesOrNull(row, 13),
        Payload = BytesOrNull(row, 14),
        Body = row.NumberOrNull(15),
    };

    private static byte[]? BytesOrNull(Statement row, int column) => row.IsNull(column) ? null : row.Bytes(column).ToArray();
}
