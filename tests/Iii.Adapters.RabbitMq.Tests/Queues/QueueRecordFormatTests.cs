using System.Text;
using Iii.Adapters.RabbitMq.Queues;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Tests.Queues;

public sealed class QueueRecordFormatTests
{
    private static readonly QueueRecord Full = new()
    {
        MessageId = "id",
        EnqueuedAt = new DateTimeOffset(1, TimeSpan.Zero),
        DeadAt = new DateTimeOffset(2, TimeSpan.Zero),
        Attempts = 3,
        OrderingKey = "k",
        Headers = new Dictionary<string, string> { ["h"] = "é" },
        Failures = [new AttemptRecord(3, new DateTimeOffset(4, TimeSpan.Zero), new AttemptFailure("c", "m") { Worker = "w" })],
        Payload = "pay"u8.ToArray(),
    };

    [Fact]
    public void The_bytes_are_as_documented() => Assert.Equal(
        "01" + "00000002" + "6964" + "0000000000000001" + "0000000000000002" + "00000003" + "00000001" + "6B"
        + "00000001" + "00000001" + "68" + "00000002" + "C3A9"
        + "00000001" + "00000003" + "0000000000000004" + "00000001" + "63" + "00000001" + "6D" + "00000001" + "77" + "FFFFFFFF"
        + "706179",
        Convert.ToHexString(QueueRecordFormat.Write(Full).Span));

    [Fact]
    public void A_record_comes_back_as_it_was()
    {
        var read = QueueRecordFormat.TryRead(QueueRecordFormat.Write(Full))!;
        Assert.Equal((Full.MessageId, Full.EnqueuedAt, Full.DeadAt, Full.Attempts, Full.OrderingKey), (read.MessageId, read.EnqueuedAt, read.DeadAt, read.Attempts, read.OrderingKey));
        Assert.Equal(Full.Headers, read.Headers);
        Assert.Equal(Full.Failures, read.Failures);
        Assert.Equal("pay", Encoding.UTF8.GetString(read.Payload.Span));
        var bare = new QueueRecord { MessageId = "", EnqueuedAt = default, Headers = new Dictionary<string, string>(), Payload = default };
        Assert.Null(QueueRecordFormat.TryRead(QueueRecordFormat.Write(bare))!.OrderingKey);
    }

    [Fact]
    public void What_is_cut_off_or_damaged_is_not_read_and_does_not_throw()
    {
        var whole = QueueRecordFormat.Write(Full).ToArray();
        var head = whole.Length - Full.Payload.Length;
        for (var length = 0; length < head; length++)
        {
            Assert.Null(QueueRecordFormat.TryRead(whole.AsMemory(0, length)));
        }

        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var damaged = whole.ToArray();
            for (var byteCount = random.Next(1, 4); byteCount > 0; byteCount--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            QueueRecordFormat.TryRead(damaged);
        }
    }
}
