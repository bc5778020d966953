using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Channels;

public sealed class ChannelTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData("""{"buffer_size":null}""")]
    [InlineData("""{"buffer_size":0}""")]
    [InlineData("""{"buffer_size":5000}""")]
    public async Task Every_sdks_way_of_asking_gives_two_refs(string input)
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writer, reader) = await TestChannelEnd.CreateAsync(worker, input);
        Assert.Equal(
            ("write", "read"), (writer.GetProperty("direction").GetString(), reader.GetProperty("direction").GetString()));
        Assert.Equal(writer.GetProperty("channel_id").GetString(), reader.GetProperty("channel_id").GetString());
        Assert.NotEqual(writer.GetProperty("access_key").GetString(), reader.GetProperty("access_key").GetString());
    }

    [Theory]
    [InlineData("""{"buffer_size":-1}""")]
    [InlineData("""{"buffer_size":1.5}""")]
    [InlineData("""{"buffer_size":"64"}""")]
    [InlineData("""{"buffer_size":true}""")]
    public async Task Buffer_size_that_is_no_count_is_refused(string input)
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        Assert.Equal("deserialization_error", await ErrorOf(worker, input));
    }

    [Fact]
    public async Task Number_of_channels_is_bounded()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxChannels = 1 });
        await using var worker = await engine.ConnectAsync();
        await TestChannelEnd.CreateAsync(worker);
        Assert.Equal("limit_exceeded", await ErrorOf(worker, "{}"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/behind/a/proxy")]
    [InlineData("/?token=secret")]
    [InlineData("/prefix?token=secret&x=1")]
    public async Task Text_and_binary_keep_their_order_and_boundaries_under_any_address(string address)
    {
        await using var engine = await TestEngine.StartAsync();
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
    public async Task What_was_written_and_closed_before_the_reader_came_is_delivered()
    {
        await using var engine = await TestEngine.StartAsync();
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
    }

    [Fact]
    public async Task Close_in_the_same_burst_as_the_last_write_loses_nothing()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        using var writer = await RawSocket.ConnectToAsync(
            engine.WorkerPort,
            TestChannelEnd.PathOf(writerRef),
            RawSocket.Frame(2, "first"),
            RawSocket.Frame(1, "la", isFinal: false),
            RawSocket.Frame(9, "ping"),
            RawSocket.Frame(0, "st"),
            RawSocket.Frame(8, ""));
        Assert.Equal("b:first t:last", await reader.ReadAllAsync());
        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
    }

    [Fact]
    public async Task Writer_that_is_lost_shows_as_abnormal_end_after_what_it_wrote()
    {
        await using var engine = await TestEngine.StartAsync();
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
    public async Task Full_channel_makes_the_writer_wait_and_keeps_memory_bounded()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef);
        const int Pieces = 1024;
        var piece = new byte[64 * 1024];
        var sent = 0;
        var writing = Task.Run(async () =>
        {
            for (; sent < Pieces; sent++)
            {
                await writer.WriteAsync(piece);
            }

            await writer.CloseAsync();
        });

        // 64 MiB are more than the channel and the buffers of both sockets hold, so the writer comes to stand still.
        var seen = -1;
        using (var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200)))
        {
            while (seen != Volatile.Read(ref sent))
            {
                seen = Volatile.Read(ref sent);
                await timer.WaitForNextTickAsync();
            }
        }

        Assert.InRange(seen, 16, Pieces / 2);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        var received = 0L;
        while (await reader.ReadAsync() is { } message)
        {
            received += message.Bytes.Length;
        }

        await writing;
        Assert.Equal(Pieces * (long)piece.Length, received);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("write")]
    public async Task Second_claim_of_an_end_is_upgraded_and_closed(string direction)
    {
        await using var engine = await TestEngine.StartAsync();
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
    public async Task Writer_is_closed_at_once_when_the_reader_leaves()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        await writer.WriteAsync("x"u8.ToArray());
        Assert.NotNull(await reader.ReadAsync());
        reader.Abort();
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    public async Task Reader_that_waits_has_its_pings_answered()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var reader = await RawSocket.ConnectToAsync(
            engine.WorkerPort, TestChannelEnd.PathOf(readerRef), RawSocket.Frame(9, "still there?"));
        Assert.Equal((10, "still there?"), await Text(reader));
        using var writer = await RawSocket.ConnectToAsync(
            engine.WorkerPort, TestChannelEnd.PathOf(writerRef), RawSocket.Frame(9, "and you?"));
        Assert.Equal((10, "and you?"), await Text(writer));
    }

    [Fact]
    public async Task Writer_that_never_reads_is_not_dropped_for_its_silence()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { PingIntervalMs = 50, PingTimeoutMs = 100 });
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await RawSocket.ConnectToAsync(engine.WorkerPort, TestChannelEnd.PathOf(writerRef));
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);

        // A worker socket that answers no pings is dropped meanwhile: so time enough has passed.
        using var silent = await RawSocket.ConnectAsync(engine.WorkerPort);
        Assert.True(await silent.EndsAsync());
        await writer.WriteAsync(RawSocket.Frame(2, "late"));
        Assert.Equal("late", Encoding.UTF8.GetString((await reader.ReadAsync())!.Value.Bytes));
    }

    [Fact]
    public async Task Message_over_the_limit_ends_the_channel_and_nothing_else()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxMessageBytes = 1000 });
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        await writer.WriteAsync(new byte[1000]);
        Assert.Equal(1000, (await reader.ReadAsync())!.Value.Bytes.Length);
        await writer.WriteAsync(new byte[1001]);
        Assert.Null(await writer.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, writer.CloseStatus);
        Assert.Null(await reader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, reader.CloseStatus);
        await worker.BarrierAsync();
    }

    [Fact]
    public async Task Who_may_not_have_an_end_learns_so_before_the_upgrade()
    {
        await using var engine = await TestEngine.StartAsync();
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
        Assert.Equal(HttpStatusCode.BadRequest, (await http.GetAsync(new Uri(path, UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.PostAsync(new Uri(path, UriKind.Relative), null)).StatusCode);

        async Task<HttpStatusCode> StatusOf(string path)
        {
            using var socket = new ClientWebSocket();
            socket.Options.CollectHttpResponseDetails = true;
            await Assert.ThrowsAsync<WebSocketException>(
                () => socket.ConnectAsync(new Uri($"ws://127.0.0.1:{engine.WorkerPort}{path}"), TestContext.Current.CancellationToken));
            return socket.HttpStatusCode;
        }
    }

    [Fact]
    public async Task Channel_is_gone_when_both_ends_are_done_and_its_place_is_free()
    {
        await using var engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxChannels = 1 });
        await using var worker = await engine.ConnectAsync();
        for (var i = 0; i < 3; i++)
        {
            JsonElement? created = null;
            await Eventually.TrueAsync(async () =>
            {
                var answer = await worker.CallAsync("engine::channels::create");
                created = answer.TryGetProperty("result", out var result) ? result : null;
                return created is not null;
            });
            using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, created!.Value.GetProperty("writer"));
            using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, created.Value.GetProperty("reader"));
            await writer.CloseAsync();
            Assert.Equal("", await reader.ReadAllAsync());
            await reader.CloseAsync();
        }
    }

    [Fact]
    public async Task Channel_outlives_the_socket_of_the_worker_that_made_it()
    {
        await using var engine = await TestEngine.StartAsync();
        var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        await worker.CloseAsync();
        await worker.DisposeAsync();
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        await writer.WriteAsync("x"u8.ToArray());
        await writer.CloseAsync();
        Assert.Equal("b:x", await reader.ReadAllAsync());
    }

    [Fact]
    public async Task Shutdown_ends_open_channels()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var (writerRef, readerRef) = await TestChannelEnd.CreateAsync(worker);
        using var writer = await TestChannelEnd.OpenAsync(engine.WorkerPort, writerRef);
        using var reader = await TestChannelEnd.OpenAsync(engine.WorkerPort, readerRef);
        var stopping = engine.StopAsync();
        Assert.Null(await reader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, reader.CloseStatus);
        await reader.CloseAsync();
        Assert.Null(await writer.ReadAsync());
        await writer.CloseAsync();
        await stopping;
    }

    private static async Task<string?> ErrorOf(TestWorker worker, string input) =>
        (await worker.CallAsync("engine::channels::create", input)).GetProperty("error").GetProperty("code").GetString();

    private static async Task<(int Opcode, string Payload)> Text(RawSocket socket)
    {
        var (opcode, payload) = await socket.ReadFrameAsync();
        return (opcode, Encoding.UTF8.GetString(payload));
    }
}
