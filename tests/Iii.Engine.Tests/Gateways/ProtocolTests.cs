using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Gateways;

/// <summary>What a client can observe on the worker socket: the lines of protocol §11, by number where they are given.</summary>
public sealed class ProtocolTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Theory] // 1
    [InlineData("/")]
    [InlineData("/ws")]
    [InlineData("/any/prefix/")]
    [InlineData("/?token=x")]
    public async Task First_frame_is_the_hello_with_a_uuid(string path)
    {
        await using var worker = await _engine.ConnectAsync(path);
        Assert.True(Guid.TryParse(worker.WorkerId, out _));
        Assert.NotNull(worker.ReattachToken);
    }

    [Fact] // 2
    public async Task Messages_in_the_same_burst_as_the_upgrade_are_worked_through()
    {
        using var raw = await RawSocket.ConnectAsync(
            _engine.WorkerPort,
            RawSocket.Frame(1, """{"type":"registerfunction","id":"burst.f"}"""),
            RawSocket.Frame(1, """{"type":"ping"}"""));
        var hello = await raw.ReadFrameAsync();
        Assert.Contains("workerregistered", Encoding.UTF8.GetString(hello.Payload), StringComparison.Ordinal);
        Assert.Equal("""{"type":"pong"}""", Encoding.UTF8.GetString((await raw.ReadFrameAsync()).Payload));
        await using var other = await _engine.ConnectAsync();
        var functions = (await other.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        Assert.Contains(functions.EnumerateArray(), function => function.GetProperty("function_id").GetString() == "burst.f");
    }

    [Theory] // 3, 4
    [InlineData(" \r\n\t ")]
    [InlineData("not json")]
    [InlineData("{\"type\":\"ping\"} trailing")]
    [InlineData("[1,2,3]")]
    [InlineData("{\"type\":17}")]
    [InlineData("{}")]
    [InlineData("{\"type\":\"no_such_type\",\"id\":1}")]
    [InlineData("{\"type\":\"reattach\"}")]
    [InlineData("{\"type\":\"reattach\",\"previous_worker_id\":\"x\",\"reattach_token\":null}")]
    public async Task What_makes_no_sense_is_ignored_and_the_next_message_works(string text)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync(text);
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact] // 5
    public async Task Extra_members_are_ignored()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""
            {"message_type":"registertrigger","type":"registertrigger","id":"T5","trigger_type":"engine::workers-available","function_id":"f","config":{},"metadata":{"a":1}}
            """);
        Assert.Empty(await worker.BarrierAsync());
        var row = Assert.Single((await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").EnumerateArray());
        Assert.Equal("T5", row.GetProperty("id").GetString());
        Assert.Equal(1, row.GetProperty("metadata").GetProperty("a").GetInt32());
    }

    [Fact] // 6
    public async Task Messages_in_binary_frames_work_and_telemetry_is_never_answered()
    {
        await using var worker = await _engine.ConnectAsync();
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
    public async Task A_socket_that_carries_only_telemetry_is_no_worker()
    {
        await using var telemetry = await _engine.ConnectAsync();
        await telemetry.SendAsync("""OTLP{"resourceSpans":[]}""", WebSocketMessageType.Binary);
        await using var worker = await _engine.ConnectAsync();
        var workers = (await worker.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
        Assert.Equal(worker.WorkerId, Assert.Single(workers.EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact] // 7
    public async Task Pings_of_both_kinds_are_answered()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"ping"}""");
        await worker.NextAsync("pong");
        Assert.Equal("""{"type":"pong"}""", worker.LastText);

        using var raw = await RawSocket.ConnectAsync(_engine.WorkerPort, RawSocket.Frame(9, "are you there?"));
        await raw.ReadFrameAsync();
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal(10, opcode);
        Assert.Equal("are you there?", Encoding.UTF8.GetString(payload));
    }

    [Fact] // 9
    public async Task At_shutdown_the_socket_is_closed_with_a_code_that_every_client_reconnects_from()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.BarrierAsync();
        var stopping = _engine.StopAsync();
        await worker.EndAsync();
        Assert.Equal(1012, (int)worker.CloseStatus!);
        await stopping;
    }

    [Theory]
    [InlineData(new byte[0], new byte[] { 0x03, 0xE8 })]
    [InlineData(new byte[] { 0x03, 0xE8 }, new byte[] { 0x03, 0xE8 })]
    [InlineData(new byte[] { 0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e' }, new byte[] { 0x0F, 0xA0, (byte)'b', (byte)'y', (byte)'e' })]
    public async Task A_close_is_answered_with_a_legal_code(byte[] sent, byte[] answered)
    {
        using var raw = await RawSocket.ConnectAsync(_engine.WorkerPort, RawSocket.Frame(8, sent));
        await raw.ReadFrameAsync();
        var (opcode, payload) = await raw.ReadFrameAsync();
        Assert.Equal(8, opcode);
        Assert.Equal(answered, payload);
    }

    [Theory] // 10
    [InlineData("")]
    [InlineData("\"invocation_id\":null,")]
    [InlineData("\"invocation_id\":\"5f0d4d39-3e6b-4c54-9a51-2f8c0d0b7c11\",\"action\":{\"type\":\"void\"},")]
    public async Task Fire_and_forget_is_never_answered(string members)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync($$"""{"type":"invokefunction",{{members}}"data":{},"function_id":"no::such"}""");
        await worker.SendAsync($$"""{"type":"invokefunction",{{members}}"data":{},"function_id":"engine::workers::list"}""");
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact] // 11
    public async Task Callee_of_a_fire_and_forget_call_gets_a_uuid_and_its_answer_is_swallowed()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.SendAsync("""{"type":"invokefunction","invocation_id":null,"function_id":"f","data":7}""");
        var call = await worker.NextCallAsync("f");
        Assert.True(Guid.TryParse(call.GetProperty("invocation_id").GetString(), out _));
        await worker.AnswerAsync(call);
        Assert.Empty(await worker.BarrierAsync());
    }

    [Theory] // 12, 13, 48, 56
    [InlineData("""{"a":1}""", """{"a":1,"_caller_worker_id":"ID"}""")]
    [InlineData("""{}""", """{"_caller_worker_id":"ID"}""")]
    [InlineData("""{ "z" : 1 , "a":2 }""", """{ "z" : 1 , "a":2,"_caller_worker_id":"ID"}""")]
    [InlineData("""{"_caller_worker_id":"forged","b":2}""", """{"_caller_worker_id":"forged","b":2,"_caller_worker_id":"ID"}""")]
    [InlineData("""[1, 2,3]""", """[1, 2,3]""")]
    [InlineData("\"te\\u0078t\"", "\"te\\u0078t\"")]
    [InlineData("""9007199254740993""", """9007199254740993""")]
    [InlineData("""1e400""", """1e400""")]
    [InlineData("""123456789012345678901234567890""", """123456789012345678901234567890""")]
    [InlineData("""null""", """null""")]
    [InlineData("""false""", """false""")]
    public async Task Input_arrives_byte_for_byte_and_objects_get_the_callers_id_last(string sent, string expected)
    {
        await using var caller = await _engine.ConnectAsync();
        await using var callee = await _engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        await caller.SendCallAsync(Guid.NewGuid(), "f", sent);
        await callee.NextCallAsync("f");
        Assert.Contains(
            "\"data\":" + expected.Replace("ID", caller.WorkerId, StringComparison.Ordinal) + "}", callee.LastText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_without_data_passes_null()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await worker.SendAsync("""{"type":"invokefunction","function_id":"f"}""");
        Assert.Equal(JsonValueKind.Null, (await worker.NextCallAsync("f")).GetProperty("data").ValueKind);
    }

    [Fact] // 48
    public async Task Input_nested_a_hundred_levels_deep_round_trips()
    {
        var nested = new string('[', 100) + new string(']', 100);
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f", nested);
        var call = await worker.NextCallAsync("f");
        await worker.AnswerAsync(call, $"\"result\":{call.GetProperty("data").GetRawText()}");
        Assert.Equal(nested, (await worker.ResultAsync(id.ToString())).GetProperty("result").GetRawText());
    }

    [Fact] // 49
    public async Task Ten_mebibytes_round_trip()
    {
        var text = new string('x', 10 * 1024 * 1024);
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f", $"\"{text}\"");
        var call = await worker.NextCallAsync("f");
        await worker.AnswerAsync(call, $"\"result\":{call.GetProperty("data").GetRawText()}");
        Assert.Equal(text, (await worker.ResultAsync(id.ToString())).GetProperty("result").GetString());
    }

    [Fact] // 15
    public async Task Unknown_function_is_reported_under_the_callers_own_id()
    {
        await using var worker = await _engine.ConnectAsync();
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id.ToUpperInvariant(), "orders::\\\"price\\\"");
        var result = await worker.ResultAsync(id);
        Assert.Equal("orders::\"price\"", result.GetProperty("function_id").GetString());
        Assert.Equal("function_not_found", result.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("Function orders::\"price\" not found", result.GetProperty("error").GetProperty("message").GetString());
        Assert.False(result.TryGetProperty("result", out _));
    }

    [Theory] // §2.10
    [InlineData("B7D0B2F4-4D0E-49D5-8B0C-9F7C3B1F2A10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("b7d0b2f44d0e49d58b0c9f7c3b1f2a10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("{b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10}", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("urn:uuid:b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("i-1", "i-1")]
    public async Task Invocation_ids_of_every_spelling_are_answered(string sent, string echoed)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendCallAsync(sent, "engine::workers::list");
        Assert.True((await worker.ResultAsync(echoed)).TryGetProperty("result", out _));
    }

    [Theory] // 16, 17, 18
    [InlineData("\"x\":1", null, null)]
    [InlineData("\"result\":null", null, null)]
    [InlineData("\"result\":0", "0", null)]
    [InlineData("\"result\":1,\"error\":null", "1", null)]
    [InlineData("\"result\":1,\"error\":{\"code\":\"c\",\"message\":\"m\",\"stacktrace\":\"s\"}", null, """{"code":"c","message":"m","stacktrace":"s"}""")]
    [InlineData("\"error\":{\"code\":\"invocation_failed\"}", null, """{"code":"invocation_failed","message":"The function failed and gave no message"}""")]
    [InlineData("\"error\":{\"code\":7,\"message\":{\"a\":1},\"extra\":[1]}", null, """{"code":"7","message":"{\"a\":1}","extra":[1]}""")]
    [InlineData("\"error\":\"just text\"", null, """{"code":"invocation_failed","message":"just text"}""")]
    [InlineData("\"error\":true", null, """{"code":"invocation_failed","message":"The function failed and gave no message"}""")]
    public async Task Answers_reach_the_caller_in_a_shape_that_every_client_reads(string answer, string? result, string? error)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f");
        await worker.AnswerAsync(await worker.NextCallAsync("f"), answer);
        var received = await worker.ResultAsync(id.ToString());
        Assert.Equal(result, received.TryGetProperty("result", out var value) ? value.GetRawText() : null);
        Assert.Equal(error, received.TryGetProperty("error", out var failure) ? failure.GetRawText() : null);
    }

    [Fact] // 19
    public async Task Callers_of_a_lost_worker_are_told_at_once()
    {
        await using var caller = await _engine.ConnectAsync();
        await using var callee = await _engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        var id = Guid.NewGuid();
        await caller.SendCallAsync(id, "f");
        await callee.NextCallAsync("f");
        callee.Abort();
        var error = (await caller.ResultAsync(id.ToString())).GetProperty("error");
        Assert.Equal("invocation_stopped", error.GetProperty("code").GetString());
        Assert.Equal("Invocation stopped", error.GetProperty("message").GetString());
    }

    [Fact] // 20
    public async Task A_caller_that_leaves_disturbs_nobody()
    {
        await using var callee = await _engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        var caller = await _engine.ConnectAsync();
        await caller.SendCallAsync(Guid.NewGuid(), "f");
        var call = await callee.NextCallAsync("f");
        await caller.DisposeAsync();
        await callee.AnswerAsync(call);
        Assert.Empty(await callee.BarrierAsync());
        var id = Guid.NewGuid().ToString();
        await callee.SendCallAsync(id, "f");
        await callee.AnswerAsync(await callee.NextCallAsync("f"));
        Assert.True((await callee.ResultAsync(id)).GetProperty("result").GetProperty("ok").GetBoolean());
    }

    [Fact] // 21
    public async Task Calls_of_one_socket_run_side_by_side()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        string[] ids = [Guid.NewGuid().ToString(), Guid.NewGuid().ToString()];
        foreach (var id in ids)
        {
            await worker.SendCallAsync(id, "f");
        }

        var first = await worker.NextCallAsync("f");
        var second = await worker.NextCallAsync("f");
        await worker.AnswerAsync(second, "\"result\":2");
        Assert.Equal(2, (await worker.ResultAsync(ids[1])).GetProperty("result").GetInt32());
        await worker.AnswerAsync(first, "\"result\":1");
        Assert.Equal(1, (await worker.ResultAsync(ids[0])).GetProperty("result").GetInt32());
    }

    [Fact] // 22
    public async Task Instant_answers_are_never_lost()
    {
        const int Calls = 2000;
        await using var caller = await _engine.ConnectAsync();
        await using var callee = await _engine.ConnectAsync();
        await callee.RegisterAsync("f");
        await callee.BarrierAsync();
        var answering = Task.Run(async () =>
        {
            for (var i = 0; i < Calls; i++)
            {
                var call = await callee.NextCallAsync("f");
                await callee.AnswerAsync(call, $"\"result\":{call.GetProperty("data").GetRawText()}");
            }
        });
        for (var i = 0; i < Calls; i++)
        {
            await caller.SendCallAsync(new Guid(i, 0, 0, new byte[8]), "f", $"{i}");
        }

        for (var i = 0; i < Calls; i++)
        {
            var result = await caller.NextAsync("invocationresult");
            var expected = int.Parse(result.GetProperty("invocation_id").GetString()![..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Assert.Equal(expected, result.GetProperty("result").GetInt32());
        }

        await answering;
    }

    [Fact] // §12: a reply that cannot be understood fails its call
    public async Task An_answer_without_sense_fails_its_call_at_once()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f");
        var call = await worker.NextCallAsync("f");
        await worker.SendAsync($$"""{"type":"invocationresult","invocation_id":"{{call.GetProperty("invocation_id").GetString()}}","function_id":"f","result":{broken""");
        Assert.Equal("malformed_message", (await worker.ResultAsync(id.ToString())).GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("\"function_id\":7,\"data\":{}}")]
    [InlineData("\"data\":{}}")]
    [InlineData("\"function_id\":\"f\",\"data\":{nonsense}}")]
    [InlineData("\"function_id\":\"f\",\"data\":NaN}")]
    public async Task A_call_without_sense_is_answered_when_its_id_can_be_read(string rest)
    {
        await using var worker = await _engine.ConnectAsync();
        var id = Guid.NewGuid();
        await worker.SendAsync($$"""{"type":"invokefunction","invocation_id":"{{id}}",{{rest}}""");
        Assert.Equal("malformed_message", (await worker.ResultAsync(id.ToString())).GetProperty("error").GetProperty("code").GetString());
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact] // §2.1: some clients write the type last, and emit bare NaN
    public async Task A_message_without_sense_is_ended_also_when_its_type_comes_last()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, "f");
        var dispatch = (await worker.NextCallAsync("f")).GetProperty("invocation_id").GetString();
        await worker.SendAsync($$"""{"invocation_id":"{{dispatch}}","function_id":"f","result":NaN,"type":"invocationresult"}""");
        Assert.Equal("malformed_message", (await worker.ResultAsync(id)).GetProperty("error").GetProperty("code").GetString());
        var call = Guid.NewGuid().ToString();
        await worker.SendAsync($$"""{"invocation_id":"{{call}}","function_id":"f","data":NaN,"type":"invokefunction"}""");
        Assert.Equal("malformed_message", (await worker.ResultAsync(call)).GetProperty("error").GetProperty("code").GetString());
        Assert.Empty(await worker.BarrierAsync());
    }

    [Theory] // member names that are legal JSON and no text
    [InlineData("\"error\":{\"\\ud800\":1}", "invocation_failed")]
    [InlineData("\"error\":{\"\\ud800\":1,\"code\":\"c\",\"message\":\"m\"}", "c")]
    [InlineData("\"\\ud800\":1,\"error\":{\"code\":\"c\",\"message\":\"m\"}", "c")]
    public async Task Names_that_are_no_text_leave_no_call_without_an_end(string answer, string code)
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, "f", members: ",\"action\":{\"\\ud800\":1}");
        await worker.AnswerAsync(await worker.NextCallAsync("f"), answer);
        await worker.ResultAsync(id);
        Assert.Contains($"\"code\":\"{code}\"", worker.LastText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_from_another_worker_than_the_one_called_is_ignored()
    {
        await using var callee = await _engine.ConnectAsync();
        await using var stranger = await _engine.ConnectAsync();
        await callee.RegisterAsync("f");
        var id = Guid.NewGuid();
        await callee.SendCallAsync(id, "f");
        var call = await callee.NextCallAsync("f");
        await stranger.AnswerAsync(call, "\"result\":\"forged\"");
        await stranger.BarrierAsync();
        await callee.AnswerAsync(call, "\"result\":\"true\"");
        Assert.Equal("true", (await callee.ResultAsync(id.ToString())).GetProperty("result").GetString());
    }

    [Fact]
    public async Task Trace_headers_and_metadata_are_passed_on_and_the_callers_own_come_back()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f", members: ""","metadata":{"k":[1]},"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","baggage":"tenant=acme" """);
        var call = await worker.NextCallAsync("f");
        Assert.Equal("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", call.GetProperty("traceparent").GetString());
        Assert.Equal("tenant=acme", call.GetProperty("baggage").GetString());
        Assert.Equal("""{"k":[1]}""", call.GetProperty("metadata").GetRawText());
        await worker.AnswerAsync(call);
        var result = await worker.ResultAsync(id.ToString());
        Assert.Equal("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", result.GetProperty("traceparent").GetString());
        Assert.Equal("tenant=acme", result.GetProperty("baggage").GetString());
    }

    [Fact]
    public async Task The_enqueue_action_is_refused_instead_of_carried_out_as_a_call()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.RegisterAsync("f");
        var id = Guid.NewGuid();
        await worker.SendCallAsync(id, "f", members: ""","action":{"type":"enqueue","queue":"default"}""");
        Assert.Equal("enqueue_error", (await worker.ResultAsync(id.ToString())).GetProperty("error").GetProperty("code").GetString());
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    public async Task A_request_that_is_no_websocket_is_told_where_it_is()
    {
        using var http = new HttpClient();
        var response = await http.GetAsync(new Uri($"http://127.0.0.1:{_engine.WorkerPort}/add"), TestContext.Current.CancellationToken);
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Contains("worker port", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
