using System.Net;
using System.Net.WebSockets;
using System.Text;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Channels: how they are made, who may have an end, and what goes through.</summary>
public class ChannelTests(SharedEngine engine)
{
    /// <remarks>Each end has a key of its own, where the reference has one for both.</remarks>
    [Theory]
    [Trait("spec", "protocol 11.40")]
    [InlineData("{}")]
    [InlineData("""{"buffer_size":null}""")]
    [InlineData("""{"buffer_size":0}""")]
    [InlineData("""{"buffer_size":5000}""")]
    public async Task Every_sdks_way_of_asking_gives_two_refs(string input)
    {
        await using var worker = await engine.ConnectAsync();
        var (writer, reader) = await TestChannelEnd.CreateAsync(worker, input);
        Assert.Equal(
            ("write", "read"), (writer.GetProperty("direction").GetString(), reader.GetProperty("direction").GetString()));
        Assert.Equal(writer.GetProperty("channel_id").GetString(), reader.GetProperty("channel_id").GetString());
        Assert.NotEqual(writer.GetProperty("access_key").GetString(), reader.GetProperty("access_key").GetString());
    }

    [Fact]
    [Trait("spec", "protocol 11.41")]
    public async Task Who_may_not_have_an_end_learns_so_before_the_upgrade()
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        var id = readerRef.GetProperty("channel_id").GetString();
        var readKey = readerRef.GetProperty("access_key").GetString();
        var writeKey = writerRef.GetProperty("access_key").GetString();
        Assert.Equal(HttpStatusCode.BadRequest, await StatusOf($"/ws/channels/{id}?dir=read"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusOf($"/ws/channels/{id}?key={readKey}"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusOf($"/ws/channels/{id}?key={readKey}&dir=Read"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf($"/ws/channels/{id}?key={writeKey}&dir=read"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf($"/ws/channels/{id}?key=x&dir=read"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf($"/ws/channels/{Guid.NewGuid()}?key={readKey}&dir=read"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusOf($"/?a=1/ws/channels/{id}?key=x&dir=read"));

        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{engine.WorkerPort}") };
        var path = TestChannelEnd.PathOf(readerRef);
        using var plain = await http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        using var posted = await http.PostAsync(new Uri(path, UriKind.Relative), null, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.MethodNotAllowed), (plain.StatusCode, posted.StatusCode));

        async Task<HttpStatusCode> StatusOf(string path)
        {
            using var socket = new ClientWebSocket();
            socket.Options.CollectHttpResponseDetails = true;
            await Assert.ThrowsAsync<WebSocketException>(
                () => socket.ConnectAsync(new Uri($"ws://127.0.0.1:{engine.WorkerPort}{path}"), TestContext.Current.CancellationToken));
            return socket.HttpStatusCode;
        }
    }

    [Theory]
    [Trait("spec", "protocol 11.41")]
    [InlineData("read")]
    [InlineData("write")]
    public async Task Second_claim_of_an_end_is_upgraded_and_closed(string direction)
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        var end = direction == "read" ? readerRef : writerRef;
        using var first = await TestChannelEnd.OpenAsync(engine.WorkerPort, end);
        using var second = await TestChannelEnd.OpenAsync(engine.WorkerPort, end);
        Assert.Null(await second.ReadAsync());

        // The first one is not disturbed.
        using var other = await TestChannelEnd.OpenAsync(engine.WorkerPort, direction == "read" ? writerRef : readerRef);
        await (direction == "read" ? other : first).WriteAsync("x"u8.ToArray());
        Assert.Equal("x", Encoding.UTF8.GetString((await (direction == "read" ? first : other).ReadAsync())!.Value.Bytes));
    }

    [Fact]
    [Trait("spec", "protocol 11.42")]
    public async Task What_was_written_and_closed_before_the_reader_came_is_delivered()
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using (var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef))
        {
            await writer.WriteAsync("a"u8.ToArray());
            await writer.WriteAsync("b");
            await writer.CloseAsync();
            Assert.Null(await writer.ReadAsync());
        }

        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        Assert.Equal("b:a t:b", await reader.ReadAllAsync());
        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
    }

    [Theory]
    [Trait("spec", "protocol 11.43")]
    [InlineData("")]
    [InlineData("/behind/a/proxy")]
    [InlineData("/?token=secret")]
    [InlineData("/prefix?token=secret&x=1")]
    public async Task Text_and_binary_keep_their_order_and_boundaries_under_any_address(string address)
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef, address);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef, address);
        await writer.WriteAsync("one");
        await writer.WriteAsync("two"u8.ToArray());
        await writer.WriteAsync([]);
        await writer.WriteAsync("three");
        await writer.WriteAsync("four"u8.ToArray());
        await writer.CloseAsync();
        Assert.Equal("t:one b:two b: t:three b:four", await reader.ReadAllAsync());
        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.43")]
    public async Task One_mebibyte_that_node_writes_at_once_comes_in_messages_of_64_KiB()
    {
        const int Size = 1024 * 1024;
        await using var node = await NodeWorker.StartAsync(engine.Process, Sdks.Usual, "streaming", "writer");
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        await worker.CallAsync(
            $"streaming::fill::{Sdks.Usual}", $$"""{"writer":{{writerRef.GetRawText()}},"text":"{{new string('x', Size)}}"}""");
        Assert.True((await reader.ReadAsync())!.Value.IsText);
        for (var i = 0; i < Size; i += 64 * 1024)
        {
            var (isText, bytes) = (await reader.ReadAsync())!.Value;
            Assert.Equal((false, 64 * 1024), (isText, bytes.Length));
        }

        Assert.Null(await reader.ReadAsync());
    }

    /// <remarks>A close code of its own tells the loss of the writer from its orderly end; SDKs take either for the end.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.44")]
    public async Task Writer_that_is_lost_shows_as_abnormal_end_after_what_it_wrote()
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        var writer = await RawSocket.ConnectToAsync(
            engine.WorkerPort, TestChannelEnd.PathOf(writerRef), RawSocket.Frame(2, "whole"), RawSocket.Frame(2, "half", isFinal: false));
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        Assert.Equal("whole", Encoding.UTF8.GetString((await reader.ReadAsync())!.Value.Bytes));
        writer.Dispose();
        Assert.Null(await reader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, reader.CloseStatus);
    }

    [Fact]
    [Trait("spec", "protocol 11.45")]
    public async Task Reader_that_does_not_read_stalls_its_writer()
    {
        // 64 MiB are much more than a channel and the buffers of both its sockets hold.
        const int Pieces = 1024;
        var piece = new byte[64 * 1024];
        await using var worker = await engine.ConnectAsync();
        var (stalledRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var stalled = await TestChannelEnd.OpenAsync(engine.WorkerPort, stalledRef);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        var sent = 0;
        var writing = WriteAllAsync(stalled, () => sent++);

        // As much flows through another channel meanwhile: so time enough has passed.
        var (flowingRef, otherRef) = await TestChannelEnd.CreateAsync(worker);
        using var flowing = await TestChannelEnd.OpenAsync(engine.WorkerPort, flowingRef);
        using var other = await TestChannelEnd.OpenAsync(engine.WorkerPort, otherRef);
        var flown = WriteAllAsync(flowing, static () => { });
        Assert.Equal(Pieces * (long)piece.Length, await ReadAllAsync(other));
        await flown;

        Assert.InRange(Volatile.Read(ref sent), 1, Pieces / 2);
        Assert.Equal(Pieces * (long)piece.Length, await ReadAllAsync(reader));
        await writing;

        async Task WriteAllAsync(TestChannelEnd end, Action count)
        {
            for (var i = 0; i < Pieces; i++)
            {
                await end.WriteAsync(piece);
                count();
            }

            await end.CloseAsync();
        }

        static async Task<long> ReadAllAsync(TestChannelEnd end)
        {
            var received = 0L;
            while (await end.ReadAsync() is { } message)
            {
                received += message.Bytes.Length;
            }

            return received;
        }
    }

    [Theory]
    [Trait("spec", "protocol 11.8")]
    [InlineData("read")]
    [InlineData("write")]
    public async Task Idle_end_has_its_pings_answered(string direction)
    {
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var raw = await RawSocket.ConnectToAsync(
            engine.WorkerPort, TestChannelEnd.PathOf(direction == "read" ? readerRef : writerRef), RawSocket.Frame(9, "still there?"));
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal((10, "still there?"), (opcode, Encoding.UTF8.GetString(payload)));
    }
}
