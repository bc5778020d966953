using System.Net;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Gateways;

/// <summary>Many workers that come and go leave nothing behind.</summary>
public sealed class ChurnTests : IAsyncLifetime
{
    private const int Workers = 200;
    private const int Rounds = 5;

    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Workers_that_come_and_go_leave_no_functions_triggers_calls_or_workers()
    {
        await using var caller = await _engine.ConnectAsync();
        await caller.RegisterAsync("survivor");
        await caller.BarrierAsync();
        var before = await DirectoriesAsync(caller);

        for (var round = 0; round < Rounds; round++)
        {
            var workers = await Task.WhenAll(Enumerable.Range(0, Workers).Select(StartAsync));
            var full = await DirectoriesAsync(caller);
            Assert.Equal(before.Functions + Workers + 1, full.Functions);
            Assert.Equal(before.Triggers + (3 * Workers), full.Triggers);
            Assert.Equal(before.Workers + Workers, full.Workers);

            // Each worker dies with a call under way that it has taken and will never answer.
            var calls = new HashSet<string>();
            for (var i = 0; i < Workers; i++)
            {
                var call = Guid.NewGuid().ToString();
                calls.Add(call);
                await caller.SendCallAsync(call, $"churn::{i}");
                await workers[i].NextCallAsync($"churn::{i}");
            }

            Assert.Equal(before.Calls + Workers, (await DirectoriesAsync(caller)).Calls);
            await Task.WhenAll(workers.Select(EndAsync));

            while (calls.Count > 0)
            {
                var result = await caller.NextAsync("invocationresult");
                Assert.Equal("invocation_stopped", result.GetProperty("error").GetProperty("code").GetString());
                Assert.True(calls.Remove(result.GetProperty("invocation_id").GetString()!));
            }

            await Eventually.TrueAsync(async () => await DirectoriesAsync(caller) == before);
            await Eventually.TrueAsync(async () => await StatusAsync("churn/0") == HttpStatusCode.NotFound);
        }
    }

    /// <summary>A worker with two functions, one of them shared by all, a trigger type, and triggers of three types.</summary>
    private async Task<TestWorker> StartAsync(int number)
    {
        var worker = await _engine.ConnectAsync();
        await worker.SendAsync($$"""{"type":"registertriggertype","id":"churn-{{number}}","description":"d"}""");
        await worker.RegisterAsync("churn::shared");
        await worker.RegisterAsync($"churn::{number}");
        await RegisterTriggerAsync($"churn-{number}", "{}");
        await RegisterTriggerAsync("nobody-provides-this", "{}");
        await RegisterTriggerAsync("http", $$"""{"api_path":"churn/{{number}}","http_method":"GET"}""");
        await worker.BarrierAsync();
        return worker;

        Task RegisterTriggerAsync(string type, string config) => worker.SendAsync(
            $$"""{"type":"registertrigger","id":"{{Guid.NewGuid()}}","trigger_type":"{{type}}","function_id":"churn::{{number}}","config":{{config}}}""");
    }

    /// <summary>Every other one goes without a word.</summary>
    private static async Task EndAsync(TestWorker worker, int number)
    {
        if (number % 2 == 0)
        {
            await worker.CloseAsync();
        }

        await worker.DisposeAsync();
    }

    private static async Task<Directories> DirectoriesAsync(TestWorker caller)
    {
        const string Everything = """{"include_internal":true}""";
        var functions = (await caller.CallAsync("engine::functions::list", Everything)).GetProperty("result");
        var triggers = (await caller.CallAsync("engine::triggers::list", Everything)).GetProperty("result");
        var workers = (await caller.CallAsync("engine::workers::list")).GetProperty("result").GetProperty("workers");
        return new Directories(
            functions.GetProperty("functions").GetArrayLength(),
            triggers.GetProperty("triggers").GetArrayLength(),
            workers.GetArrayLength(),
            workers.EnumerateArray().Where(worker => worker.GetProperty("id").GetString() != caller.WorkerId)
                .Sum(static worker => worker.GetProperty("active_invocations").GetInt32()));
    }

    private async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(
            new Uri($"http://127.0.0.1:{_engine.HttpPort}/{path}"), TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    /// <summary>How much the engine's directories hold; calls are those that other workers than the caller work on.</summary>
    private sealed record Directories(int Functions, int Triggers, int Workers, int Calls);
}
