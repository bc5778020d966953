using System.Text.Json;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>Functions over HTTP belong to their worker, as every other does.</summary>
public sealed class HttpFunctionOwnershipTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync(httpFunctions: FunctionHarness.Open);

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Worker_calls_and_the_server_learns_who_and_under_which_id()
    {
        await using var server = RawHttpServer.Answering("200 OK", """{"score":1}""");
        await using var owner = await _engine.ConnectAsync();
        await using var caller = await _engine.ConnectAsync();
        await RegisterAsync(owner, server.Url);
        var answer = await caller.CallAsync("ext::score", """{"order":7}""");
        Assert.Equal("""{"score":1}""", answer.GetProperty("result").GetRawText());
        var request = await server.NextAsync();
        Assert.Equal($$"""{"order":7,"_caller_worker_id":"{{caller.WorkerId}}"}""", request.Body);
    }

    [Fact]
    public async Task Call_under_way_goes_on_when_its_function_is_unregistered()
    {
        var answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = RawHttpServer.AnsweringLater(answer.Task);
        await using var owner = await _engine.ConnectAsync();
        await using var caller = await _engine.ConnectAsync();
        await RegisterAsync(owner, server.Url);
        await caller.SendCallAsync("11111111-1111-4111-8111-111111111111", "ext::score");
        await server.NextAsync();
        await owner.SendAsync("""{"type":"unregisterfunction","id":"ext::score"}""");
        await owner.BarrierAsync();
        answer.SetResult(System.Text.Encoding.ASCII.GetBytes(RawHttpServer.Response("200 OK", "1")));
        Assert.Equal(1, (await caller.ResultAsync("11111111-1111-4111-8111-111111111111")).GetProperty("result").GetInt32());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Lost_worker_takes_its_function_along_and_ends_its_calls(bool politely)
    {
        await using var server = RawHttpServer.Silent();
        await using var owner = await _engine.ConnectAsync();
        await using var caller = await _engine.ConnectAsync();
        await RegisterAsync(owner, server.Url);
        await caller.SendCallAsync("11111111-1111-4111-8111-111111111111", "ext::score");
        await server.NextAsync();
        if (politely)
        {
            await owner.CloseAsync();
        }
        else
        {
            owner.Abort();
        }

        Assert.Equal("invocation_stopped", ErrorCode(await caller.ResultAsync("11111111-1111-4111-8111-111111111111")));
        Assert.Null(await RowAsync(caller));
        Assert.Equal("function_not_found", ErrorCode(await caller.CallAsync("ext::score")));
    }

    [Fact]
    public async Task Worker_cannot_take_a_function_of_the_engine_over()
    {
        await using var server = RawHttpServer.Answering("200 OK", "1");
        await using var worker = await _engine.ConnectAsync();
        await RegisterAsync(worker, server.Url, "engine::workers::list");
        Assert.True((await worker.CallAsync("engine::workers::list")).GetProperty("result").TryGetProperty("workers", out _));
    }

    [Fact]
    public async Task Replicas_share_the_calls_and_one_that_makes_no_sense_gets_none()
    {
        await using var server = RawHttpServer.Answering("200 OK", "1");
        await using var good = await _engine.ConnectAsync();
        await using var bad = await _engine.ConnectAsync();
        await RegisterAsync(good, server.Url);
        await RegisterAsync(bad, "nonsense");
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(1, (await good.CallAsync("ext::score")).GetProperty("result").GetInt32());
        }
    }

    [Fact]
    public async Task Registration_that_failed_is_listed_with_its_reason()
    {
        await using var worker = await _engine.ConnectAsync();
        await RegisterAsync(worker, "nonsense");
        var error = (await RowAsync(worker))!.Value.GetProperty("registration_error");
        Assert.Equal("url_validation_failed", error.GetProperty("code").GetString());
        Assert.Equal("Invalid URL", error.GetProperty("message").GetString());
        Assert.Equal("url_validation_failed", ErrorCode(await worker.CallAsync("ext::score")));

        // Mended by registering it again; the row of a function that can be called has no such member.
        await RegisterAsync(worker, "http://127.0.0.1:9/");
        Assert.False((await RowAsync(worker))!.Value.TryGetProperty("registration_error", out _));
    }

    [Fact]
    public async Task Without_the_module_the_caller_is_told_so()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        await RegisterAsync(worker, "https://example.org/");
        var error = (await worker.CallAsync("ext::score")).GetProperty("error");
        Assert.Equal("http_functions_not_enabled", error.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Route_can_lead_to_a_function_over_HTTP()
    {
        await using var server = RawHttpServer.Answering("200 OK", """{"status_code":201,"body":{"made":true}}""");
        await using var owner = await _engine.ConnectAsync();
        await RegisterAsync(owner, server.Url);
        await owner.SendAsync("""{"type":"registertrigger","id":"t","trigger_type":"http","function_id":"ext::score","config":{"api_path":"made","http_method":"POST"}}""");
        await owner.BarrierAsync();
        using var client = new HttpClient { Timeout = TestWorker.Patience };
        await Eventually.TrueAsync(async () =>
        {
            using var response = await client.PostAsync($"http://127.0.0.1:{_engine.HttpPort}/made", new StringContent("{}"));
            return (int)response.StatusCode == 201 && await response.Content.ReadAsStringAsync() == """{"made":true}""";
        });
        Assert.DoesNotContain("_caller_worker_id", (await server.NextAsync()).Body, StringComparison.Ordinal);
    }

    private static async Task RegisterAsync(TestWorker worker, string url, string id = "ext::score")
    {
        await worker.SendAsync($$"""{"type":"registerfunction","id":"{{id}}","invocation":{"url":"{{url}}"} }""");
        await worker.BarrierAsync();
    }

    private static async Task<JsonElement?> RowAsync(TestWorker worker)
    {
        var list = (await worker.CallAsync("engine::functions::list")).GetProperty("result").GetProperty("functions");
        var rows = list.EnumerateArray().Where(static row => row.GetProperty("function_id").GetString() == "ext::score").ToArray();
        return rows.Length == 0 ? null : Assert.Single(rows);
    }

    private static string? ErrorCode(JsonElement answer) => answer.GetProperty("error").GetProperty("code").GetString();
}
