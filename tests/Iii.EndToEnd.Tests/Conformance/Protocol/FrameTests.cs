using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Frames of the worker socket: the hello, what is no message, telemetry, pings and closing.</summary>
public class FrameTests(SharedEngine engine)
{
    /// <remarks>Other paths than <c>/</c> are this engine's own addition.</remarks>
    [Theory]
    [Trait("spec", "protocol 11.1")]
    [InlineData("/")]
    [InlineData("/ws")]
    [InlineData("/any/prefix/")]
    [InlineData("/?token=x")]
    public async Task First_frame_is_the_hello_with_a_uuid_though_the_client_has_sent_nothing(string path)
    {
        using var raw = await RawSocket.ConnectToAsync(engine.WorkerPort, path);
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal(1, opcode);
        var hello = JsonElement.Parse(payload);
        Assert.Equal("workerregistered", hello.GetProperty("type").GetString());
        Assert.Equal(4, Guid.ParseExact(hello.GetProperty("worker_id").GetString()!, "D").Version);
    }

    [Fact]
    [Trait("spec", "protocol 11.2")]
    public async Task Messages_in_the_same_burst_as_the_upgrade_are_worked_through()
    {
        var f = Ids.New("burst");
        using var raw = await RawSocket.ConnectAsync(
            engine.WorkerPort,
            RawSocket.Frame(1, $$"""{"type":"registerfunction","id":"{{f}}"}"""),
            RawSocket.Frame(1, """{"type":"ping"}"""));
        Assert.Contains("workerregistered", await TextAsync(raw), StringComparison.Ordinal);
        Assert.Equal("""{"type":"pong"}""", await TextAsync(raw));
        await using var other = await engine.ConnectAsync();
        var functions = (await other.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        Assert.Contains(functions.EnumerateArray(), function => function.GetProperty("function_id").GetString() == f);
    }

    [Theory]
    [Trait("spec", "protocol 11.3")]
    [InlineData(" \r\n\t ")]
    [InlineData("not json")]
    [InlineData("{\"type\":\"ping\"} trailing")]
    [InlineData("[1,2,3]")]
    [InlineData("{\"type\":17}")]
    [InlineData("{}")]
    public async Task Blank_text_and_garbage_are_ignored_and_the_next_message_works(string text)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(text);
        Assert.Empty(await worker.BarrierAsync());
    }

    [Theory]
    [Trait("spec", "protocol 11.4")]
    [InlineData("{\"type\":\"no_such_type\",\"id\":1}")]
    [InlineData("{\"type\":\"reattach\"}")]
    [InlineData("{\"type\":\"reattach\",\"previous_worker_id\":\"x\",\"reattach_token\":null}")]
    public async Task Message_of_an_unknown_type_or_without_sense_leaves_the_socket_open(string text)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(text);
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.5")]
    public async Task Extra_members_are_ignored()
    {
        await using var worker = await engine.ConnectAsync();
        var (f, trigger) = (Ids.New("f"), Ids.New("T"));
        await worker.SendAsync(
            $$$"""{"message_type":"registertrigger","type":"registertrigger","id":"{{{trigger}}}","trigger_type":"{{{Ids.New("parked")}}}","function_id":"{{{f}}}","config":{},"metadata":{"a":1}}""");
        Assert.Empty(await worker.BarrierAsync());
        var row = Assert.Single(
            (await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").EnumerateArray(),
            row => row.GetProperty("function_id").GetString() == f);
        Assert.Equal(trigger, row.GetProperty("id").GetString());
        Assert.Equal(1, row.GetProperty("metadata").GetProperty("a").GetInt32());
    }

    [Fact]
    [Trait("spec", "protocol 11.6")]
    public async Task Messages_in_binary_frames_work_and_telemetry_is_never_answered()
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync("""OTLP{"type":"ping"}""", WebSocketMessageType.Binary);
        await worker.SendAsync("""MTRC{"type":"ping"}""", WebSocketMessageType.Binary);
        await worker.SendAsync("""LOGS not even json""", WebSocketMessageType.Binary);
        await worker.SendAsync([0x4F, 0x54, 0x4C, 0x50, 0xFF, 0xFE], WebSocketMessageType.Binary);
        await worker.SendAsync([0xC3, 0x28], WebSocketMessageType.Binary);
        await worker.SendAsync("""{"type":"ping"}""", WebSocketMessageType.Binary);
        await worker.NextAsync("pong");
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.7")]
    public async Task Pings_of_both_kinds_are_answered()
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync("""{"type":"ping"}""");
        await worker.NextAsync("pong");
        Assert.Equal("""{"type":"pong"}""", worker.LastText);

        using var raw = await RawSocket.ConnectAsync(engine.WorkerPort, RawSocket.Frame(9, "are you there?"));
        await raw.ReadFrameAsync();
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal((10, "are you there?"), (opcode, Encoding.UTF8.GetString(payload)));
    }

    [Fact]
    public async Task Socket_that_carries_only_telemetry_is_no_worker()
    {
        await using var telemetry = await engine.ConnectAsync();
        await telemetry.SendAsync("""OTLP{"resourceSpans":[]}""", WebSocketMessageType.Binary);
        await using var worker = await engine.ConnectAsync();
        var workers = (await worker.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
        var ids = workers.EnumerateArray().Select(static row => row.GetProperty("id").GetString()).ToArray();
        Assert.Contains(worker.WorkerId, ids);
        Assert.DoesNotContain(telemetry.WorkerId, ids);
    }

    [Theory]
    [InlineData(new byte[0], new byte[] { 0x03, 0xE8 })]
    [InlineData(new byte[] { 0x03, 0xE8 }, new byte[] { 0x03, 0xE8 })]
    [InlineData(new byte[] { 0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e' }, new byte[] { 0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e' })]
    public async Task Close_is_answered_with_a_legal_code(byte[] sent, byte[] answered)
    {
        using var raw = await RawSocket.ConnectAsync(engine.WorkerPort, RawSocket.Frame(8, sent));
        await raw.ReadFrameAsync();
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal(8, opcode);
        Assert.Equal(answered, payload);
    }

    [Fact]
    public async Task Request_that_is_no_websocket_is_told_where_it_is()
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri($"http://127.0.0.1:{engine.WorkerPort}/add"), TestContext.Current.CancellationToken);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("worker port", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static async Task<string> TextAsync(RawSocket raw) => Encoding.UTF8.GetString((await raw.ReadFrameAsync()).Payload);
}
