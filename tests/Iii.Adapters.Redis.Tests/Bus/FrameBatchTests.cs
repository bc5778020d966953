using Iii.Adapters.Redis.Bus;

namespace Iii.Adapters.Redis.Tests.Bus;

public sealed class FrameBatchTests
{
    [Fact]
    public void The_bytes_of_a_batch_are_these()
    {
        var batch = new FrameBatch();
        batch.Append([0xAA, 0xBB]);
        batch.Append([]);
        batch.Append([0xCC]);

        Assert.Equal<byte>([1, 2, 0, 0, 0, 0xAA, 0xBB, 0, 0, 0, 0, 1, 0, 0, 0, 0xCC], batch.Bytes.ToArray());
    }

    [Fact]
    public void Frames_are_read_as_they_were_written_though_the_buffer_had_to_grow()
    {
        byte[][] frames = [.. Enumerable.Range(0, 40).Select(i => Enumerable.Repeat((byte)i, i * 37).ToArray())];
        var batch = new FrameBatch();
        Array.ForEach(frames, frame => batch.Append(frame));

        var read = new List<byte[]>();
        var rest = batch.Bytes;
        Assert.True(FrameBatch.TryReadVersion(ref rest));
        while (!rest.IsEmpty)
        {
            Assert.True(FrameBatch.TryReadNext(ref rest, out var frame));
            read.Add(frame.ToArray());
        }

        Assert.Equal(frames, read);
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 2, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 1, 0, 0, 0 })]
    [InlineData(new byte[] { 1, 2, 0, 0, 0, 0xAA })]
    [InlineData(new byte[] { 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xAA })]
    public void What_is_no_batch_is_noticed(byte[] bytes)
    {
        ReadOnlyMemory<byte> rest = bytes;
        Assert.False(FrameBatch.TryReadVersion(ref rest) && FrameBatch.TryReadNext(ref rest, out _));
    }
}
