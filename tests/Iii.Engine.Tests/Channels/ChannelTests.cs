using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Channels;

public sealed class ChannelTests
{
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
}
