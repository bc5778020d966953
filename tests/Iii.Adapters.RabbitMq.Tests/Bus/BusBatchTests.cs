using Iii.Adapters.RabbitMq.Bus;

namespace Iii.Adapters.RabbitMq.Tests.Bus;

public sealed class BusBatchTests
{
    [Fact]
    public void The_bytes_are_as_documented()
    {
        var batch = Batch(number: 258);
        batch.Add("ab"u8);
        batch.Add([]);
        batch.Add("c"u8);

        Assert.Equal("01" + "0000000000000102" + "00000002" + "6162" + "00000000" + "00000001" + "63", Convert.ToHexString(batch.Body.Span));
    }

    [Fact]
    public void Frames_come_out_as_they_went_in_however_many_and_large()
    {
        var random = new Random(7);
        var frames = Enumerable.Range(0, 500).Select(_ => new byte[random.Next(0, 2_000)]).ToList();
        frames.ForEach(random.NextBytes);
        var batch = Batch(1);
        frames.ForEach(frame => batch.Add(frame));

        Assert.True(BusBatchReader.TryOpen(batch.Body, out var reader));
        var read = new List<byte[]>();
        while (reader.TryRead(out var frame))
        {
            read.Add(frame.ToArray());
        }

        Assert.Equal(frames, read);
    }

    private static BusBatch Batch(ulong number) => new(new BusOutbox("exchange", 1), new SubjectLine("subject"), number, 0);
}
