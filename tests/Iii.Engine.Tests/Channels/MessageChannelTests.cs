using System.Buffers;
using Iii.Engine.Channels;
using Iii.Engine.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Channels;

public sealed class MessageChannelTests : IDisposable
{
    private readonly ChannelDirectory _channels = new(InstanceId.New(), 100, static _ => true, new FakeTimeProvider());

    [Fact]
    public async Task Messages_are_bounded_in_number()
    {
        var channel = _channels.TryCreate("w", 2)!;
        Assert.True(await channel.WriteAsync(Message(1)));
        Assert.True(await channel.WriteAsync(Message(1)));
        var third = channel.WriteAsync(Message(1)).AsTask();
        Assert.False(third.IsCompleted);
        Assert.True(channel.TryRead(out var first));
        first.Return();
        Assert.True(await third);
    }

    [Fact]
    public async Task Messages_are_bounded_in_bytes_but_one_always_fits()
    {
        var channel = _channels.TryCreate("w", 1024)!;
        Assert.True(await channel.WriteAsync(Message(MessageChannel.BufferBytes * 3)));
        var second = channel.WriteAsync(Message(1)).AsTask();
        Assert.False(second.IsCompleted);
        Assert.True(channel.TryRead(out var first));
        first.Return();
        Assert.True(await second);
        Assert.True(await channel.WriteAsync(Message(MessageChannel.BufferBytes - 1)));
        Assert.False(channel.WriteAsync(Message(1)).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Waiting_writer_ends_when_the_reader_goes()
    {
        var channel = _channels.TryCreate("w", 1)!;
        Assert.True(await channel.WriteAsync(Message(1)));
        var waiting = channel.WriteAsync(Message(1));
        channel.CloseReader();
        Assert.False(await waiting);
        Assert.True(channel.ReaderGone.IsCompleted);
        Assert.False(channel.TryRead(out _));
    }

    [Fact]
    public async Task What_waits_is_read_after_the_writing_has_ended()
    {
        var channel = _channels.TryCreate("w", 8)!;
        Assert.True(await channel.WriteAsync(Message(1)));
        channel.Complete(ChannelEnding.Completed);
        channel.Complete(ChannelEnding.Lost);
        Assert.False(await channel.WriteAsync(Message(1)));
        Assert.True(await channel.WaitToReadAsync());
        Assert.True(channel.TryRead(out var message));
        message.Return();
        Assert.False(await channel.WaitToReadAsync());
        Assert.Equal(ChannelEnding.Completed, channel.Ending);
    }

    [Fact]
    public void Claim_is_noticed_once_by_the_part_of_the_engine_at_the_other_end()
    {
        var channel = _channels.CreateFor(ChannelDirection.Write);
        var claims = new List<int>();
        channel.OnClaimed(static state => ((List<int>)state).Add(1), claims);
        Assert.True(channel.TryClaim(ChannelDirection.Write));
        Assert.False(channel.TryClaim(ChannelDirection.Write));
        Assert.Single(claims);
    }

    [Fact]
    public async Task Order_is_kept_between_a_writer_and_a_reader_that_race()
    {
        var channel = _channels.TryCreate("w", 3)!;
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                Assert.True(await channel.WriteAsync(Message(4, i)));
            }

            channel.Complete(ChannelEnding.Completed);
        });
        var expected = 0;
        while (await channel.WaitToReadAsync())
        {
            while (channel.TryRead(out var message))
            {
                Assert.Equal(expected++, BitConverter.ToInt32(message.Span));
                message.Return();
            }
        }

        await writing;
        Assert.Equal(20_000, expected);
        channel.CloseReader();
        Assert.Equal(0, _channels.Count);
    }

    public void Dispose() => _channels.Dispose();

    private static ChannelMessage Message(int length, int value = 0)
    {
        var rented = ArrayPool<byte>.Shared.Rent(Math.Max(length, 4));
        BitConverter.TryWriteBytes(rented, value);
        return new ChannelMessage(rented, length, isText: false);
    }
}
