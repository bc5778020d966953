using System.Buffers;
using System.Buffers.Binary;
using System.Collections.ObjectModel;
using System.Text;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The body of a message of a queue. It carries its history itself: AMQP's headers end at the size of one frame.</summary>
/// <remarks>
/// <code>
/// 1 byte    version, 1
/// text      message id
/// 8 bytes   enqueued at, ticks of UTC
/// 8 bytes   dead since, likewise; 0 for not
/// 4 bytes   attempts that have ended
/// text?     ordering key
/// 4 bytes   number of headers, then for each: text name, text value
/// 4 bytes   number of failures, then for each: 4 bytes attempt, 8 bytes at, text code, text message, text? worker, text? trace id
/// the rest  payload
/// </code>
/// Numbers are big-endian. A text is its length in bytes (4 bytes) and UTF-8; the length of a text? that is not there is -1.
/// </remarks>
internal static class QueueRecordFormat
{
    private const byte Version = 1;

    public static ReadOnlyMemory<byte> Write(QueueRecord record)
    {
        var output = new ArrayBufferWriter<byte>(record.Payload.Length + 256);
        output.Write([Version]);
        Write(output, record.MessageId);
        Write(output, record.EnqueuedAt.UtcTicks);
        Write(output, record.DeadAt?.UtcTicks ?? 0L);
        Write(output, record.Attempts);
        Write(output, record.OrderingKey);
        Write(output, record.Headers.Count);
        foreach (var (name, value) in record.Headers)
        {
            Write(output, name);
            Write(output, value);
        }

        Write(output, record.Failures.Count);
        foreach (var (attempt, at, failure) in record.Failures)
        {
            Write(output, attempt);
            Write(output, at.UtcTicks);
            Write(output, failure.Code);
            Write(output, failure.Message);
            Write(output, failure.Worker);
            Write(output, failure.TraceId);
        }

        output.Write(record.Payload.Span);
        return output.WrittenMemory;
    }

    /// <summary>Null when it cannot be read. The payload is a part of the body.</summary>
    public static QueueRecord? TryRead(ReadOnlyMemory<byte> body)
    {
        try
        {
            return body.Length > 0 && body.Span[0] == Version ? new Reader(body[1..]).ReadRecord() : null;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            return null;
        }
    }

    private static void Write(ArrayBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(sizeof(int)), value);
        output.Advance(sizeof(int));
    }

    private static void Write(ArrayBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(sizeof(long)), value);
        output.Advance(sizeof(long));
    }

    private static void Write(ArrayBufferWriter<byte> output, string? text)
    {
        if (text is null)
        {
            Write(output, -1);
            return;
        }

        Write(output, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, output);
    }

    /// <summary>Slicing beyond the end throws, which is how a body that is cut off is found.</summary>
    private sealed class Reader(ReadOnlyMemory<byte> rest)
    {
        private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
        private ReadOnlyMemory<byte> _rest = rest;

        public QueueRecord ReadRecord()
        {
            var messageId = ReadText();
            var enqueuedAt = ReadTime();
            var deadAt = ReadInt64();
            var attempts = ReadInt32();
            var orderingKey = ReadTextOrNull();
            var headers = new Dictionary<string, string>();
            for (var count = ReadCount(BrokerLimits.MaxHeaders); count > 0; count--)
            {
                headers[ReadText()] = ReadText();
            }

            var failures = new AttemptRecord[ReadCount(BrokerLimits.MaxRememberedFailures)];
            for (var i = 0; i < failures.Length; i++)
            {
                failures[i] = new AttemptRecord(ReadInt32(), ReadTime(), new AttemptFailure(ReadText(), ReadText())
                {
                    Worker = ReadTextOrNull(),
                    TraceId = ReadTextOrNull(),
                });
            }

            return new QueueRecord
            {
                MessageId = messageId,
                EnqueuedAt = enqueuedAt,
                DeadAt = deadAt == 0 ? null : new DateTimeOffset(deadAt, TimeSpan.Zero),
                Attempts = attempts >= 0 ? attempts : throw new FormatException("Attempts are not negative."),
                OrderingKey = orderingKey,
                Headers = headers.Count == 0 ? ReadOnlyDictionary<string, string>.Empty : headers,
                Failures = failures,
                Payload = _rest,
            };
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            var taken = _rest.Span[..length];
            _rest = _rest[length..];
            return taken;
        }

        private int ReadInt32() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

        private long ReadInt64() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

        private DateTimeOffset ReadTime() => new(ReadInt64(), TimeSpan.Zero);

        private int ReadCount(int most) =>
            ReadInt32() is var count && count >= 0 && count <= most ? count : throw new FormatException("There cannot be so many.");

        private string? ReadTextOrNull() => ReadInt32() is var length && length == -1 ? null : Strict.GetString(Take(length));

        private string ReadText() => ReadTextOrNull() ?? throw new FormatException("A text is missing.");
    }
}
