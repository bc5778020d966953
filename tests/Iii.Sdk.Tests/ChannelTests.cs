using System.Text;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class ChannelTests : IAsyncLifetime
{
    private LocalEngine _engine = null!;
    private IiiWorker _worker = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await LocalEngine.StartAsync();
        _worker = await IiiWorker.ConnectAsync(_engine.Url).Within();
    }

    public async ValueTask DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _engine.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Bytes_and_texts_come_in_order_and_end()
    {
        var channel = await _worker.CreateChannelAsync().Within();
        var sent = new byte[300_000];
        Random.Shared.NextBytes(sent);
        var writing = Task.Run(async () =>
        {
            await using var writer = _worker.OpenWriter(channel.Writer);
            await writer.SendTextAsync("first");
            await writer.WriteAsync(sent);
            await writer.SendTextAsync("last");
        });

        await using var reader = _worker.OpenReader(channel.Reader);
        var texts = new List<string>();
        reader.TextReceived += texts.Add;
        var read = new MemoryStream();
        await reader.AsStream().CopyToAsync(read, TestContext.Current.CancellationToken).Within();

        await writing.Within();
        Assert.Equal(sent, read.ToArray());
        Assert.Equal(["first", "last"], texts);
    }

    [Fact]
    public async Task Messages_keep_their_boundaries()
    {
        var channel = await _worker.CreateChannelAsync(8).Within();
        await using (var writer = _worker.OpenWriter(channel.Writer))
        {
            await writer.WriteAsync("ab"u8.ToArray()).Within();
            await writer.SendTextAsync("ü").Within();
            await writer.WriteAsync(new byte[IiiChannelWriter.MaxChunkBytes + 1]).Within();
            await writer.CompleteAsync(TestContext.Current.CancellationToken).Within();
        }

        await using var reader = _worker.OpenReader(channel.Reader);
        var messages = new List<ChannelMessage>();
        await foreach (var message in reader.ReadMessagesAsync(TestContext.Current.CancellationToken))
        {
            messages.Add(message);
        }

        Assert.Equal(4, messages.Count);
        Assert.Equal("ab", messages[0].GetText());
        Assert.Equal((true, "ü"), (messages[1].IsText, messages[1].GetText()));
        Assert.Equal([IiiChannelWriter.MaxChunkBytes, 1], messages.Skip(2).Select(static message => message.Data.Length));
    }

    [Fact]
    public async Task Writer_that_never_wrote_still_ends_the_channel()
    {
        var channel = await _worker.CreateChannelAsync().Within();
        await _worker.OpenWriter(channel.Writer).DisposeAsync().AsTask().Within();

        await using var reader = _worker.OpenReader(channel.Reader);
        Assert.Equal(0, (await reader.ReadToEndAsync(1024, TestContext.Current.CancellationToken).Within()).Length);
    }

    [Fact]
    public async Task Pipe_writes_and_reads()
    {
        var channel = await _worker.CreateChannelAsync().Within();
        var writer = _worker.OpenWriter(channel.Writer).AsPipeWriter();
        await writer.WriteAsync("hello"u8.ToArray(), TestContext.Current.CancellationToken).AsTask().Within();
        await writer.CompleteAsync().AsTask().Within();

        var reader = _worker.OpenReader(channel.Reader).AsPipeReader();
        var read = await reader.ReadAtLeastAsync(5, TestContext.Current.CancellationToken).AsTask().Within();
        Assert.Equal("hello", Encoding.UTF8.GetString(read.Buffer.FirstSpan));
        await reader.CompleteAsync();
    }

    [Fact]
    public async Task Wrong_end_is_a_mistake()
    {
        var channel = await _worker.CreateChannelAsync().Within();

        Assert.Throws<ArgumentException>(() => _worker.OpenReader(channel.Writer));
        Assert.Throws<ArgumentException>(() => _worker.OpenWriter(channel.Reader));
    }

    [Theory]
    [InlineData("ws://host:1", "ws://host:1/ws/channels/c?key=k%201&dir=read")]
    [InlineData("wss://host/a/", "wss://host/a/ws/channels/c?key=k%201&dir=read")]
    [InlineData("ws://host:1/?token=t", "ws://host:1/ws/channels/c?token=t&key=k%201&dir=read")]
    public void Address_of_a_channel_is_below_that_of_the_engine(string engine, string expected) =>
        Assert.Equal(new Uri(expected), Channels.ChannelSocket.AddressOf(new Uri(engine), new ChannelRef("c", "k 1", ChannelRef.Read)));
}
