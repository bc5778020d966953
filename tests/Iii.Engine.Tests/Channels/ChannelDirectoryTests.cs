using System.Buffers;
using System.Text;
using Iii.Engine.Channels;
using Iii.Engine.Hosting;
using Iii.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Channels;

public sealed class ChannelDirectoryTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly HashSet<string> _connected = ["w1"];
    private readonly ChannelDirectory _channels;

    public ChannelDirectoryTests() => _channels = new ChannelDirectory(InstanceId.New(), 3, _connected.Contains, _time);

    [Fact]
    public void Each_end_has_a_key_of_its_own()
    {
        var channel = _channels.TryCreate("w1", 1)!;
        var id = ChannelId.TextOf(channel.Id, _channels.Instance);
        var read = channel.KeyOf(ChannelDirection.Read).ToString();
        var write = channel.KeyOf(ChannelDirection.Write).ToString();
        Assert.NotEqual(read, write);
        Assert.Same(channel, _channels.Find(id, read, ChannelDirection.Read));
        Assert.Same(channel, _channels.Find(id, write, ChannelDirection.Write));
        Assert.Null(_channels.Find(id, write, ChannelDirection.Read));
        Assert.Null(_channels.Find(id, "", ChannelDirection.Read));
        Assert.Null(_channels.Find("0123456789ab." + channel.Id, read, ChannelDirection.Read));
        Assert.Null(_channels.Find(channel.Id.ToString(), read, ChannelDirection.Read));
    }

    [Fact]
    public void End_that_a_part_of_the_engine_holds_has_no_key()
    {
        var channel = _channels.CreateFor(ChannelDirection.Read);
        var id = ChannelId.TextOf(channel.Id, _channels.Instance);
        Assert.Null(_channels.Find(id, Guid.Empty.ToString(), ChannelDirection.Write));
        Assert.True(channel.IsWriterClaimed);
    }

    [Fact]
    public void Keys_and_ids_do_not_repeat()
    {
        var keys = Enumerable.Range(0, 1000).Select(static _ => AccessKey.Next().ToString()).ToHashSet();
        Assert.Equal(1000, keys.Count);
    }

    [Fact]
    public void Number_of_channels_is_bounded_and_those_that_end_make_room()
    {
        var first = _channels.TryCreate("w1", 1)!;
        Assert.NotNull(_channels.TryCreate("w1", 1));
        Assert.NotNull(_channels.TryCreate("w1", 1));
        Assert.Null(_channels.TryCreate("w1", 1));
        Assert.NotNull(_channels.CreateFor(ChannelDirection.Read));
        first.Complete(ChannelEnding.Completed);
        Assert.Equal(4, _channels.Count);
        first.CloseReader();
        Assert.Equal(3, _channels.Count);
        Assert.NotNull(_channels.TryCreate("w1", 1));
    }

    [Fact]
    public async Task Channel_with_an_unclaimed_end_goes_after_five_minutes()
    {
        var unclaimed = _channels.TryCreate("w1", 1)!;
        var halfClaimed = _channels.TryCreate("w1", 1)!;
        var claimed = _channels.TryCreate("w1", 1)!;
        Assert.True(halfClaimed.TryClaim(ChannelDirection.Write));
        Assert.True(claimed.TryClaim(ChannelDirection.Read) && claimed.TryClaim(ChannelDirection.Write));
        _time.Advance(TimeSpan.FromMinutes(5) - ChannelDirectory.SweepPeriod);
        Assert.Equal(3, _channels.Count);
        _time.Advance(ChannelDirectory.SweepPeriod * 2);
        Assert.Equal(1, _channels.Count);
        Assert.False(unclaimed.TryClaim(ChannelDirection.Read));
        Assert.False(await halfClaimed.WriteAsync(Message("x")));
        Assert.True(await claimed.WriteAsync(Message("x")));
    }

    [Fact]
    public async Task Lone_reader_sees_the_end_when_its_channel_goes()
    {
        var channel = _channels.TryCreate("w1", 1)!;
        Assert.True(channel.TryClaim(ChannelDirection.Read));
        var waiting = channel.WaitToReadAsync();
        _time.Advance(TimeSpan.FromMinutes(6));
        Assert.False(await waiting);
        Assert.Equal(ChannelEnding.Lost, channel.Ending);
    }

    [Fact]
    public void Channel_outlives_its_creator_for_a_minute_unless_both_ends_are_taken()
    {
        _channels.TryCreate("w1", 1);
        var claimed = _channels.TryCreate("w1", 1)!;
        Assert.True(claimed.TryClaim(ChannelDirection.Read) && claimed.TryClaim(ChannelDirection.Write));
        _connected.Clear();
        _time.Advance(ChannelDirectory.SweepPeriod);
        _time.Advance(ChannelDirectory.OrphanGrace - ChannelDirectory.SweepPeriod);
        Assert.Equal(2, _channels.Count);
        _time.Advance(ChannelDirectory.SweepPeriod);
        Assert.Equal(1, _channels.Count);
    }

    [Fact]
    public void Channels_of_requests_are_not_swept()
    {
        _channels.CreateFor(ChannelDirection.Read);
        _channels.TryCreate("w1", 1);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _channels.Count);
    }

    [Fact]
    public void Ref_is_written_alike_by_both_writers()
    {
        var channel = _channels.TryCreate("w1", 1)!;
        var frame = new FrameBuilder(16);
        ChannelRef.Append(ref frame, channel, ChannelDirection.Write, _channels.Instance);
        var appended = frame.Build();
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new System.Text.Json.Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            ChannelRef.Write(writer, "writer", channel, ChannelDirection.Write, _channels.Instance);
            writer.WriteEndObject();
        }

        Assert.Equal(
            Encoding.UTF8.GetString(buffer.WrittenSpan), $$"""{"writer":{{Encoding.UTF8.GetString(appended.Span)}}}""");
        appended.Return();
    }

    public void Dispose() => _channels.Dispose();

    private static ChannelMessage Message(string text) => ChannelMessage.CopyOf(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(text)));
}
