using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>Jobs in a real engine, which keeps them in a file.</summary>
public class QueueTests
{
    [Theory]
    [InlineData("0.2.1")]
    [InlineData("0.11.6")]
    public async Task Worker_of_an_sdk_enqueues_and_handles_jobs(string sdk)
    {
        await using var engine = await EngineProcess.StartWithAsync("  - class: modules::queue::QueueModule\n");
        await using var worker = await NodeWorker.StartAsync(engine, sdk, "jobs", "node");
        Assert.Equal(JsonValueKind.Null, (await worker.CallAsync("enqueue", new { topic = "node", data = new { n = 1 } })).ValueKind);
        await worker.SendAsync("enqueue", new { topic = "node", data = new { n = 2, fails_once = true } });
        await worker.CallAsync("enqueue", new { topic = "node", data = "text" });
        string[] expected = ["\"text\"", """{"n":1}""", """{"n":2,"fails_once":true}"""];
        await Eventually.TrueAsync("all jobs are handled", async () => Texts(await worker.AskAsync("handled")).SequenceEqual(expected));

        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => worker.CallAsync("enqueue", new { topic = "", data = 1 }));
        Assert.Contains("Topic is not set", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Worker_of_an_sdk_puts_calls_into_a_named_queue()
    {
        await using var engine = await EngineProcess.StartWithAsync("  - class: modules::queue::QueueModule\n");
        await using var worker = await NodeWorker.StartAsync(engine, Sdks.Usual, "jobs", "node");
        var receipt = await worker.AskAsync("enqueue_call", new JsonObject { ["queue"] = "default", ["data"] = new JsonObject { ["n"] = 1 } });
        Assert.NotEqual("", receipt.GetProperty("messageReceiptId").GetString());
        await Eventually.TrueAsync("the call is carried out", async () => Texts(await worker.AskAsync("handled")).SequenceEqual(["""{"n":1}"""]));
        var error = await Assert.ThrowsAsync<WorkerErrorException>(() =>
            worker.AskAsync("enqueue_call", new JsonObject { ["queue"] = "nowhere", ["data"] = 1 }));
        Assert.Contains("there is no queue 'nowhere'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_engine_loses_no_job_that_it_has_accepted()
    {
        const int Rounds = 3;
        const int JobsOfARound = 200;
        using var folder = new TemporaryFolder();
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        var configuration = EngineProcess.Configuration(workerPort, httpPort) +
            $$"""
              - class: modules::queue::QueueModule
                config:
                  adapter:
                    class: modules::queue::BuiltinQueueAdapter
                    config: { store_method: file_based, file_path: "{{folder.FullPath}}" }

            """;
        var accepted = new ConcurrentDictionary<int, bool>();
        var handled = new ConcurrentDictionary<int, bool>();
        for (var round = 0; round < Rounds; round++)
        {
            var before = handled.Count;
            await using var engine = await EngineProcess.StartAsync(workerPort, httpPort, configuration);
            await using var consumer = await TestWorker.ConnectAsync(workerPort);
            var handling = HandleAsync(consumer, handled);
            await SubscribeAsync(consumer);
            await using var producer = await TestWorker.ConnectAsync(workerPort);
            var producing = ProduceAsync(producer, Enumerable.Range(round * JobsOfARound, JobsOfARound), accepted);

            // In the middle of it: some are handled, some are in the worker's hands, some wait, some are not accepted yet.
            await Eventually.TrueAsync("some jobs are handled", () => handled.Count >= before + (JobsOfARound / 4));
            engine.Kill();
            await producing;
            await handling;
        }

        await using var last = await EngineProcess.StartAsync(workerPort, httpPort, configuration);
        await using var rest = await TestWorker.ConnectAsync(workerPort);
        var finishing = HandleAsync(rest, handled);
        await SubscribeAsync(rest);
        await Eventually.TrueAsync("all accepted jobs are handled", () => accepted.Keys.All(handled.ContainsKey));
        Assert.True(accepted.Count >= Rounds * JobsOfARound / 4);
        rest.Abort();
        await finishing;
    }

    private static IEnumerable<string> Texts(JsonElement list) =>
        list.EnumerateArray().Select(static item => item.GetRawText()).Order(StringComparer.Ordinal);

    private static async Task SubscribeAsync(TestWorker consumer)
    {
        await consumer.RegisterAsync("f");
        await consumer.SendAsync("""{"type":"registertrigger","id":"t","trigger_type":"queue","function_id":"f","config":{"topic":"t"}}""");
    }

    /// <summary>Enqueues one job after the other, and notes those that were accepted, until the engine is gone.</summary>
    private static async Task ProduceAsync(TestWorker producer, IEnumerable<int> jobs, ConcurrentDictionary<int, bool> accepted)
    {
        try
        {
            foreach (var job in jobs)
            {
                var answer = await producer.CallAsync("enqueue", $$"""{"topic":"t","data":{{job}}}""");
                Assert.False(answer.TryGetProperty("error", out var error), error.ToString());
                accepted[job] = true;
            }
        }
        catch (Exception e) when (e is ChannelClosedException or System.Net.WebSockets.WebSocketException)
        {
            // Killed.
        }
    }

    /// <summary>Answers calls until the engine is gone, and notes what they were.</summary>
    private static async Task HandleAsync(TestWorker consumer, ConcurrentDictionary<int, bool> handled)
    {
        try
        {
            while (true)
            {
                var call = await consumer.NextAsync(static message => message.GetProperty("type").GetString() == "invokefunction");
                handled[call.GetProperty("data").GetInt32()] = true;
                await consumer.AnswerAsync(call);
            }
        }
        catch (Exception e) when (e is ChannelClosedException or System.Net.WebSockets.WebSocketException or OperationCanceledException)
        {
            // Killed.
        }
    }
}
