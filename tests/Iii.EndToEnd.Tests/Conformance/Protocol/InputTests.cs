using System.Text;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>What the called function gets: the caller's input as it was written, and who calls.</summary>
public class InputTests(SharedEngine engine)
{
    /// <remarks>
    /// An object gets the caller's id as its last member, so that readers, which keep the last of duplicates, see the engine's
    /// and not a forged one.
    /// </remarks>
    [Theory]
    [Trait("spec", "protocol 11.12")]
    [Trait("spec", "protocol 11.13")]
    [Trait("spec", "protocol 11.56")]
    [InlineData("""{"a":1}""", """{"a":1,"_caller_worker_id":"ID"}""")]
    [InlineData("""{}""", """{"_caller_worker_id":"ID"}""")]
    [InlineData("""{ "z" : 1 , "a":2 }""", """{ "z" : 1 , "a":2,"_caller_worker_id":"ID"}""")]
    [InlineData("""{"_caller_worker_id":"forged","b":2}""", """{"_caller_worker_id":"forged","b":2,"_caller_worker_id":"ID"}""")]
    [InlineData("""[1, 2,3]""", """[1, 2,3]""")]
    [InlineData("\"te\\u0078t\"", "\"te\\u0078t\"")]
    [InlineData("""9007199254740993""", """9007199254740993""")]
    [InlineData("""{"z":9007199254740993,"a":1}""", """{"z":9007199254740993,"a":1,"_caller_worker_id":"ID"}""")]
    [InlineData("""1e400""", """1e400""")]
    [InlineData("""123456789012345678901234567890""", """123456789012345678901234567890""")]
    [InlineData("""null""", """null""")]
    [InlineData("""false""", """false""")]
    public async Task Input_arrives_byte_for_byte_and_objects_get_the_callers_id_last(string sent, string expected)
    {
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        await using var callee = await engine.ConnectAsync();
        await callee.RegisterAsync(f);
        await callee.BarrierAsync();
        await caller.SendCallAsync(Guid.NewGuid(), f, sent);
        await callee.NextCallAsync(f);
        Assert.Contains(
            "\"data\":" + expected.Replace("ID", caller.WorkerId, StringComparison.Ordinal) + "}", callee.LastText, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("spec", "protocol 11.13")]
    public async Task Caller_cannot_pass_for_another_one()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.SendCallAsync(Guid.NewGuid(), f, """{"_caller_worker_id":"forged","\u005fcaller_worker_id":"again"}""");
        var input = (await worker.NextCallAsync(f)).GetProperty("data");
        Assert.Equal(worker.WorkerId, input.GetProperty("_caller_worker_id").GetString());
    }

    /// <remarks>A JSON body cannot bring the member in either. Queue, cron, state, stream and pub/sub are not built yet.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.14")]
    public async Task Calls_of_the_engine_itself_name_no_caller()
    {
        var (onWorker, condition) = (Ids.New("on.worker"), Ids.New("condition"));
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.Worker.RegisterAsync(condition);
        await f.RouteAsync(f.Path, "POST", $",\"condition_function_id\":\"{condition}\"");
        var sending = f.SendAsync(new StringContent("""{"a":1,"_caller_worker_id":"forged"}""", Encoding.UTF8, "application/json"));
        var asked = await f.Worker.NextCallAsync(condition);
        await f.Worker.AnswerAsync(asked);
        var input = await f.InputOfAsync(sending);

        await f.Worker.RegisterAsync(onWorker);
        await f.Worker.SendAsync(Discovery.Watch(onWorker));
        await f.Worker.BarrierAsync();
        await using var other = await engine.ConnectAsync();
        await other.BarrierAsync();
        var told = await f.Worker.NextCallAsync(onWorker);

        Assert.Equal(1, input.GetProperty("a").GetInt32());
        Assert.All(
            new[] { asked.GetProperty("data"), input, told.GetProperty("data") },
            static data => Assert.False(data.TryGetProperty("_caller_worker_id", out _)));
    }

    [Fact]
    public async Task Call_without_data_passes_null()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.SendAsync($$"""{"type":"invokefunction","function_id":"{{f}}"}""");
        Assert.Equal(JsonValueKind.Null, (await worker.NextCallAsync(f)).GetProperty("data").ValueKind);
    }

    [Fact]
    [Trait("spec", "protocol 11.48")]
    public async Task Input_nested_a_hundred_levels_deep_round_trips()
    {
        var nested = new string('[', 100) + new string(']', 100);
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(nested, (await EchoAsync(worker, nested)).GetRawText());
    }

    [Theory]
    [Trait("spec", "protocol 11.56")]
    [InlineData("""{"z":9007199254740993,"a":-0.10,"m":[1e400,123456789012345678901234567890],"a2":{"y":1,"x":2}}""")]
    public async Task Result_arrives_byte_for_byte(string result)
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f);
        await worker.AnswerAsync(await worker.NextCallAsync(f), $"\"result\":{result}");
        Assert.Equal(result, (await worker.ResultAsync(id)).GetProperty("result").GetRawText());
    }

    [Fact]
    [Trait("spec", "protocol 11.49")]
    public async Task Ten_mebibytes_round_trip()
    {
        var text = new string('x', 10 * 1024 * 1024);
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(text, (await EchoAsync(worker, $"\"{text}\"")).GetString());
    }

    [Fact]
    public async Task Trace_headers_and_metadata_are_passed_on_and_the_callers_own_come_back()
    {
        const string TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f, members: $$$""","metadata":{"k":[1]},"traceparent":"{{{TraceParent}}}","baggage":"tenant=acme" """);
        var call = await worker.NextCallAsync(f);
        Assert.Equal("""{"k":[1]}""", call.GetProperty("metadata").GetRawText());
        await worker.AnswerAsync(call);
        var result = await worker.ResultAsync(id);
        Assert.All(new[] { call, result }, static message =>
        {
            Assert.Equal(TraceParent, message.GetProperty("traceparent").GetString());
            Assert.Equal("tenant=acme", message.GetProperty("baggage").GetString());
        });
    }

    private static async Task<JsonElement> EchoAsync(TestWorker worker, string data)
    {
        var f = Ids.New("echo");
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f, data);
        var call = await worker.NextCallAsync(f);
        await worker.AnswerAsync(call, $"\"result\":{call.GetProperty("data").GetRawText()}");
        return (await worker.ResultAsync(id)).GetProperty("result");
    }
}
