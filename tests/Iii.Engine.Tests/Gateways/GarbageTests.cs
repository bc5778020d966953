using System.Net.WebSockets;
using System.Text;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Gateways;

/// <summary>Malformed and hostile input on the worker socket: the next good message works, and the engine lives on.</summary>
public sealed class GarbageTests : IAsyncLifetime
{
    private const int MessageLimit = 1024 * 1024;

    private TestEngine _engine = null!;

    public static IEnumerable<string> Templates()
    {
        string[] types =
        [
            "workerregistered", "registerfunction", "unregisterfunction", "registertriggertype", "unregistertriggertype", "registertrigger",
            "unregistertrigger", "triggerregistrationresult", "invokefunction", "invocationresult", "registerservice", "reattach", "ping", "pong",
        ];
        string[] values = ["null", "17", "true", "[]", "{}", "\"\"", "\"\\ud800\"", "[[[[[[[[[[]]]]]]]]]]", "1e999", "\"" + new string('x', 5000) + "\""];
        string[] members = ["id", "function_id", "trigger_type", "data", "config", "error", "result", "metadata", "action", "invocation"];
        foreach (var type in types)
        {
            // Every member with every kind of value, and each of them twice.
            foreach (var value in values)
            {
                var all = string.Join(',', members.Select(member => $"\"{member}\":{value}"));
                yield return $$"""{"type":"{{type}}",{{all}}}""";
                yield return $$"""{"type":"{{type}}",{{all}},{{all}},"type":"{{type}}"}""";
            }

            // Cut anywhere.
            var whole = $$"""{"type":"{{type}}","id":"a","function_id":"f","trigger_type":"t","data":{"a":[1,2,{"b":"c"}]},"config":{},"result":1}""";
            for (var cut = 1; cut < whole.Length; cut += 9)
            {
                yield return whole[..cut];
            }
        }

        yield return """{"type":null}""";
        yield return """{"type":["ping"]}""";
        yield return """{"\u0074ype":"PING"}""";
        yield return """{"type":"invokefunction","function_id":"../../etc/passwd","data":{}}""";
        yield return """{"type":"registerfunction","id":"__proto__"}""";
        yield return """{"type":"invokefunction","function_id":"f","data":Infinity}""";
        yield return """{"type":"invokefunction","function_id":"f","data":'x'}""";
        yield return """{"type":"invokefunction","function_id":"f","data":{"a":1,}}""";
        yield return """{"type":"invokefunction","function_id":"f",/* comment */"data":{}}""";
        yield return "\"type\"";
        yield return "\u0000";
        yield return new string('[', 100_000);
        yield return string.Concat(Enumerable.Repeat("{\"a\":", 100_000));
        yield return $$"""{"type":"invokefunction","function_id":"f","data":{{new string('[', 2000)}}{{new string(']', 2000)}}}""";
        yield return string.Concat(Enumerable.Repeat("{\"type\":\"pong\"}", 1000));
    }

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync(new WorkerGatewayOptions { MaxMessageBytes = MessageLimit });

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task No_text_disturbs_the_connection_or_another_one()
    {
        await using var bystander = await _engine.ConnectAsync();
        await using var worker = await _engine.ConnectAsync();
        var count = 0;
        foreach (var text in Templates())
        {
            foreach (var type in new[] { WebSocketMessageType.Text, WebSocketMessageType.Binary })
            {
                await worker.SendAsync(text, type);
                count++;
            }

            // A call that can be understood may be answered; what matters is that the next message is worked through.
            await worker.BarrierAsync();
        }

        Assert.InRange(count, 200, int.MaxValue);
        await bystander.BarrierAsync();
        await worker.RegisterAsync("still.here");
        var id = Guid.NewGuid().ToString();
        await bystander.BarrierAsync();
        await worker.BarrierAsync();
        await bystander.SendCallAsync(id, "still.here");
        await worker.AnswerAsync(await worker.NextCallAsync("still.here"));
        Assert.True((await bystander.ResultAsync(id)).TryGetProperty("result", out _));
    }

    [Fact]
    public async Task Random_bytes_in_binary_frames_are_dropped()
    {
        await using var worker = await _engine.ConnectAsync();
        var random = new Random(20260101);
        for (var i = 0; i < 500; i++)
        {
            var bytes = new byte[random.Next(1, 300)];
            random.NextBytes(bytes);
            await worker.SendAsync(bytes, WebSocketMessageType.Binary);
        }

        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    public async Task A_message_of_many_fragments_is_one_message()
    {
        using var raw = await RawSocket.ConnectAsync(_engine.WorkerPort);
        await raw.ReadFrameAsync();
        const string Text = """{"type":"ping"}""";
        await raw.WriteAsync([.. Text.Select((character, i) =>
            RawSocket.Frame((byte)(i == 0 ? 1 : 0), character.ToString(), isFinal: i == Text.Length - 1))]);
        Assert.Equal("""{"type":"pong"}""", Encoding.UTF8.GetString((await raw.ReadFrameAsync()).Payload));
    }

    [Theory]
    [InlineData("unmasked")]
    [InlineData("reserved opcode")]
    [InlineData("reserved bits")]
    [InlineData("continuation of nothing")]
    [InlineData("ping of 200 bytes")]
    [InlineData("length of eight exabytes")]
    [InlineData("text that is not UTF-8")]
    [InlineData("no WebSocket at all")]
    public async Task Broken_framing_ends_only_its_own_connection(string what)
    {
        await using var bystander = await _engine.ConnectAsync();
        using (var raw = await RawSocket.ConnectAsync(_engine.WorkerPort))
        {
            await raw.ReadFrameAsync();
            await raw.WriteAsync(what switch
            {
                "unmasked" => RawSocket.Frame(1, """{"type":"ping"}""", isMasked: false),
                "reserved opcode" => RawSocket.Frame(5, "x"),
                "reserved bits" => [0xF1, 0x81, 1, 2, 3, 4, 5],
                "continuation of nothing" => RawSocket.Frame(0, "x"),
                "ping of 200 bytes" => RawSocket.Frame(9, new string('x', 200)),
                "length of eight exabytes" => [0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4],
                "text that is not UTF-8" => [0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28],
                _ => Encoding.ASCII.GetBytes("GET /x HTTP/1.1\r\n\r\n"),
            });
            Assert.True(await raw.EndsAsync(), "the engine must end the connection");
        }

        Assert.Empty(await bystander.BarrierAsync());
    }

    [Fact]
    public async Task Connections_that_are_cut_at_any_moment_leave_nothing_behind()
    {
        await using var watcher = await _engine.ConnectAsync();
        for (var i = 0; i < 100; i++)
        {
            using var raw = await RawSocket.ConnectAsync(
                _engine.WorkerPort,
                RawSocket.Frame(1, $$"""{"type":"registerfunction","id":"cut.{{i}}"}"""),
                RawSocket.Frame(1, """{"type":"registertrigger","id":"T","trigger_type":"x","function_id":"f","con""", isFinal: false));
        }

        await Eventually.TrueAsync(async () =>
        {
            var workers = (await watcher.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
            var functions = (await watcher.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
            return workers.GetArrayLength() == 1 && functions.GetArrayLength() == 0;
        });
    }
}
