using System.Text.Json;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Bridge;

/// <summary>Two engines: the local one has the bridge, and is a worker of the remote one (protocol §8.2).</summary>
public sealed class BridgeTests : IAsyncLifetime
{
    private const string CallId = "11111111-1111-4111-8111-111111111111";

    private TestEngine _remote = null!;
    private TestEngine _local = null!;
    private TestWorker _there = null!;
    private TestWorker _here = null!;

    public async ValueTask InitializeAsync()
    {
        _remote = await TestEngine.StartAsync();
        _local = await TestEngine.StartAsync(bridge: new BridgeOptions
        {
            Url = $"ws://127.0.0.1:{_remote.WorkerPort}",
            ServiceId = "shop",
            Expose = [new BridgeExposeOptions { LocalFunction = "shop::price", RemoteFunction = "far::price" }, new BridgeExposeOptions { LocalFunction = "same" }],
            Forward =
            [
                new BridgeForwardOptions { LocalFunction = "near::stock", RemoteFunction = "stock::count" },
                new BridgeForwardOptions { LocalFunction = "near::slow", RemoteFunction = "stock::slow", TimeoutMs = 1 },
            ],
        });
        _there = await _remote.ConnectAsync();
        _here = await _local.ConnectAsync();
        await WaitForBridgeAsync(_there);
    }

    public async ValueTask DisposeAsync()
    {
        await _here.DisposeAsync();
        await _there.DisposeAsync();
        await _local.DisposeAsync();
        await _remote.DisposeAsync();
    }

    [Fact]
    public async Task Exposed_function_answers_the_other_engine()
    {
        await RegisterAsync(_here, "shop::price");
        await _there.SendCallAsync(CallId, "far::price", """{"sku":"A1"}""");
        var call = await _here.NextCallAsync("shop::price");
        Assert.Equal("A1", call.GetProperty("data").GetProperty("sku").GetString());
        await _here.AnswerAsync(call, """ "result":{"total":19.90} """);
        Assert.Equal("""{"total":19.90}""", (await _there.ResultAsync(CallId)).GetProperty("result").GetRawText());
    }

    [Fact]
    public async Task Failure_of_an_exposed_function_crosses_as_invocation_failed()
    {
        await RegisterAsync(_here, "shop::price");
        await _there.SendCallAsync(CallId, "far::price");
        await _here.AnswerAsync(await _here.NextCallAsync("shop::price"), """ "error":{"code":"sold_out","message":"No more"} """);
        Assert.Equal(("invocation_failed", "remote error (sold_out): No more"), ErrorOf(await _there.ResultAsync(CallId)));
        Assert.Equal(
            ("invocation_failed", "remote error (function_not_found): Function same not found"), ErrorOf(await _there.CallAsync("same")));
    }

    [Fact]
    public async Task Forwarded_function_is_listed_and_answers()
    {
        await RegisterAsync(_there, "stock::count");
        var list = (await _here.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        var row = list.EnumerateArray().Single(static row => row.GetProperty("function_id").GetString() == "near::stock");
        Assert.Equal("Forward to remote function stock::count", row.GetProperty("description").GetString());
        await _here.SendCallAsync(CallId, "near::stock", """{"sku":"A1"}""");
        var call = await _there.NextCallAsync("stock::count");
        Assert.Equal("A1", call.GetProperty("data").GetProperty("sku").GetString());
        await _there.AnswerAsync(call, """ "result":7 """);
        Assert.Equal(7, (await _here.ResultAsync(CallId)).GetProperty("result").GetInt32());
    }

    [Fact]
    public async Task Failures_of_forwarded_functions_are_bridge_errors()
    {
        Assert.Equal(
            ("bridge_error", "remote error (function_not_found): Function stock::count not found"),
            ErrorOf(await _here.CallAsync("near::stock")));
        await RegisterAsync(_there, "stock::slow");
        Assert.Equal(("bridge_error", "invocation timed out"), ErrorOf(await _here.CallAsync("near::slow")));
    }

    [Fact]
    public async Task Any_function_can_be_invoked_over_there()
    {
        await RegisterAsync(_there, "stock::count");
        await _here.SendCallAsync(CallId, "bridge.invoke", """{"function_id":"stock::count","data":[1,2],"timeout_ms":20000}""");
        var call = await _there.NextCallAsync("stock::count");
        Assert.Equal("[1,2]", call.GetProperty("data").GetRawText());
        await _there.AnswerAsync(call, """ "result":{"n":2} """);
        Assert.Equal("""{"n":2}""", (await _here.ResultAsync(CallId)).GetProperty("result").GetRawText());
    }

    [Fact]
    public async Task Asynchronous_call_has_no_result_and_takes_effect()
    {
        await RegisterAsync(_there, "stock::note");
        var answer = await _here.CallAsync("bridge.invoke_async", """{"function_id":"stock::note"}""");
        Assert.False(answer.TryGetProperty("result", out _) || answer.TryGetProperty("error", out _));
        Assert.Equal(JsonValueKind.Null, (await _there.NextCallAsync("stock::note")).GetProperty("data").ValueKind);
    }

    [Theory]
    [InlineData("bridge.invoke", "null", "a JSON object was expected")]
    [InlineData("bridge.invoke", "{}", "function_id is missing")]
    [InlineData("bridge.invoke", """{"function_id":7}""", "function_id must be a string that is not empty")]
    [InlineData("bridge.invoke", """{"function_id":"f","timeout_ms":"1s"}""", "timeout_ms must be a whole number of milliseconds")]
    [InlineData("bridge.invoke_async", "[]", "a JSON object was expected")]
    public async Task Input_without_sense_is_refused(string function, string input, string detail) =>
        Assert.Equal(("deserialization_error", "Failed to parse invoke input: " + detail), ErrorOf(await _here.CallAsync(function, input)));

    [Fact]
    public async Task Bridge_is_a_worker_of_the_other_engine_under_its_service_name()
    {
        var list = (await _there.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
        Assert.Contains(list.EnumerateArray(), static worker => worker.GetProperty("name").GetString() == "shop");
    }

    [Fact]
    public async Task Loss_of_the_other_engine_ends_calls_and_its_return_mends_the_bridge()
    {
        await RegisterAsync(_there, "stock::count");
        await RegisterAsync(_here, "shop::price");
        await _here.SendCallAsync(CallId, "near::stock");
        await _there.NextCallAsync("stock::count");
        var port = _remote.WorkerPort;
        await _there.DisposeAsync();
        await _remote.DisposeAsync();

        var ended = await _here.ResultAsync(CallId);
        Assert.Equal("bridge_error", ErrorOf(ended).Code);
        await Eventually.TrueAsync(async () =>
            ErrorOf(await _here.CallAsync("near::stock")) == ("bridge_error", "iii is not connected"));
        Assert.Equal(("bridge_error", "iii is not connected"), ErrorOf(await _here.CallAsync("bridge.invoke_async", """{"function_id":"f"}""")));

        _remote = await TestEngine.StartAsync(workerPort: port);
        _there = await _remote.ConnectAsync();
        await WaitForBridgeAsync(_there);
        await _there.SendCallAsync(CallId, "far::price");
        await _here.AnswerAsync(await _here.NextCallAsync("shop::price"), """ "result":1 """);
        Assert.Equal(1, (await _there.ResultAsync(CallId)).GetProperty("result").GetInt32());
    }

    [Fact]
    public async Task Engine_starts_without_the_other_one()
    {
        await using var engine = await TestEngine.StartAsync(bridge: new BridgeOptions { Url = "ws://127.0.0.1:1" });
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(("bridge_error", "iii is not connected"), ErrorOf(await worker.CallAsync("bridge.invoke", """{"function_id":"f"}""")));
    }

    private static async Task RegisterAsync(TestWorker worker, string functionId)
    {
        await worker.RegisterAsync(functionId);
        await worker.BarrierAsync();
    }

    /// <summary>The bridge registers in order, so with its last function all is there.</summary>
    private static Task WaitForBridgeAsync(TestWorker there) => Eventually.TrueAsync(async () =>
    {
        var functions = (await there.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        var ids = functions.EnumerateArray().Select(static row => row.GetProperty("function_id").GetString()).ToArray();
        return ids.Contains("same") && ids.Contains("far::price");
    });

    private static (string? Code, string? Message) ErrorOf(JsonElement answer)
    {
        var error = answer.GetProperty("error");
        return (error.GetProperty("code").GetString(), error.GetProperty("message").GetString());
    }
}
