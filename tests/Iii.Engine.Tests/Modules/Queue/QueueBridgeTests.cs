using Iii.Broker.Memory;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>Two engines: the one that is here has the queues of the one that is there.</summary>
public sealed class QueueBridgeTests : IAsyncLifetime
{
    private readonly MemoryWorld _world = new();
    private TestEngine _remote = null!;
    private TestEngine _local = null!;
    private TestWorker _there = null!;
    private TestWorker _here = null!;
    private TestWorker _producer = null!;

    public async ValueTask InitializeAsync()
    {
        _remote = await StartRemoteAsync();
        _local = await StartLocalAsync(_remote.WorkerPort);
        _there = await _remote.ConnectAsync();
        _here = await _local.ConnectAsync();
        _producer = await _local.ConnectAsync();
        await WaitUntilItWorksAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _here.DisposeAsync();
        await _producer.DisposeAsync();
        await _there.DisposeAsync();
        await _local.DisposeAsync();
        await _remote.DisposeAsync();
    }

    [Fact]
    public async Task Job_is_kept_there_and_handled_here()
    {
        await _producer.EnqueueAsync("mail", """{"to":"a"}""");
        await _there.WaitForStatsAsync("mail", "depth", 1);
        await _here.SubscribeAsync("mail::send", "mail");

        var call = await _here.NextCallAsync("mail::send");
        Assert.Equal("""{"to":"a"}""", call.GetProperty("data").GetRawText());
        var metadata = call.GetProperty("metadata");
        Assert.Equal(("mail", 1), (metadata.GetProperty("topic").GetString(), metadata.GetProperty("attempt").GetInt32()));
        Assert.NotEqual("", metadata.GetProperty("message_id").GetString());
        await _here.AnswerAsync(call);
        await _there.WaitForStatsAsync("mail", "depth", 0);
    }

    [Fact]
    public async Task Worker_there_handles_what_is_enqueued_here()
    {
        await _there.SubscribeAsync("mail::send", "mail");
        await _producer.EnqueueAsync("mail", "1");
        Assert.Equal(1, (await _there.HandleAsync("mail::send")).GetInt32());
    }

    [Fact]
    public async Task Receipt_is_that_of_the_other_engine()
    {
        var receipt = await _producer.AskAsync("enqueue", """{"topic":"mail","data":1,"delay_ms":60000,"receipt":true}""");
        var id = receipt.GetProperty("messageReceiptId").GetString();
        var answer = await _there.AskAsync("iii::queue::cancel", $$"""{"topic":"mail","message_id":"{{id}}"}""");
        Assert.Equal(1, answer.GetProperty("cancelled").GetInt32());
    }

    [Fact]
    public async Task Trace_of_the_call_that_enqueues_is_that_of_the_call_that_handles()
    {
        const string TraceId = "0af7651916cd43dd8448eb211c80319c";
        var id = Guid.NewGuid().ToString();
        await _here.SubscribeAsync("mail::send", "mail");
        await _producer.SendCallAsync(
            id, "enqueue", """{"topic":"mail","data":1}""", $$""","traceparent":"00-{{TraceId}}-b7ad6b7169203331-01","baggage":"k=v" """);
        await _producer.ResultAsync(id);

        var call = await _here.NextCallAsync("mail::send");
        Assert.Contains(TraceId, call.GetProperty("traceparent").GetString(), StringComparison.Ordinal);
        Assert.Equal("k=v", call.GetProperty("baggage").GetString());
        await _here.AnswerAsync(call);
    }

    [Fact]
    public async Task Wishes_of_a_message_reach_the_other_engine()
    {
        await _producer.EnqueueAsync("mail", "1", ""","dedup_key":"k" """);
        await _producer.EnqueueAsync("mail", "2", ""","dedup_key":"k" """);
        await _producer.EnqueueAsync("mail", "3", ""","priority":9""");
        await _producer.EnqueueAsync("mail", "4", ""","delay_seconds":3600""");
        await _there.WaitForStatsAsync("mail", "depth", 3);
        await _here.SubscribeAsync("mail::send", "mail", """{"concurrency":1}""");
        Assert.Equal(3, (await _here.HandleAsync("mail::send")).GetInt32());
        Assert.Equal(1, (await _here.HandleAsync("mail::send")).GetInt32());
    }

    [Fact]
    public async Task Failures_are_retried_as_the_trigger_says_and_end_as_a_dead_letter_there()
    {
        await _here.SubscribeAsync("mail::send", "mail", """{"maxRetries":2,"backoffDelayMs":10}""");
        await _producer.EnqueueAsync("mail", "7");
        Assert.Equal(1, (await _here.FailAsync("mail::send")).GetProperty("metadata").GetProperty("attempt").GetInt32());
        Assert.Equal(2, (await _here.FailAsync("mail::send")).GetProperty("metadata").GetProperty("attempt").GetInt32());
        await _there.WaitForStatsAsync("mail", "dlq_depth", 1);

        var dead = Assert.Single(await _there.DeadLettersAsync("mail"));
        Assert.Equal(("boom", 7), (dead.GetProperty("error_code").GetString(), dead.GetProperty("payload").GetInt32()));
        await _there.AskAsync("iii::queue::redrive", """{"topic":"mail"}""");
        Assert.Equal(7, (await _here.HandleAsync("mail::send")).GetInt32());
    }

    [Fact]
    public async Task Every_durable_subscriber_gets_a_copy_here_and_there()
    {
        await using var other = await _local.ConnectAsync();
        await _here.SubscribeAsync("log::one", "news", type: "durable:subscriber");
        await other.SubscribeAsync("log::two", "news", type: "durable:subscriber");
        await _there.SubscribeAsync("log::three", "news", type: "durable:subscriber");
        await _there.WaitForStatsAsync("news", "consumer_count", 3);
        await _producer.EnqueueAsync("news", "1");
        Assert.Equal(1, (await _here.HandleAsync("log::one")).GetInt32());
        Assert.Equal(1, (await other.HandleAsync("log::two")).GetInt32());
        Assert.Equal(1, (await _there.HandleAsync("log::three")).GetInt32());
    }

    [Fact]
    public async Task Condition_is_a_function_of_this_engine()
    {
        await _here.RegisterAsync("mail::wanted");
        await _here.SubscribeAsync("mail::send", "mail", members: ""","_condition_path":"mail::wanted" """);
        await _producer.EnqueueAsync("mail", "1");
        await _here.AnswerAsync(await _here.NextCallAsync("mail::wanted"), """ "result":false """);
        await _producer.EnqueueAsync("mail", "2");
        await _here.AnswerAsync(await _here.NextCallAsync("mail::wanted"), """ "result":true """);
        Assert.Equal(2, (await _here.HandleAsync("mail::send")).GetInt32());
        await _there.WaitForStatsAsync("mail", "depth", 0);
    }

    [Fact]
    public async Task Jobs_wait_there_while_no_worker_here_provides_the_function()
    {
        await _here.SubscribeAsync("mail::send", "mail");
        await _there.WaitForStatsAsync("mail", "consumer_count", 1);
        await _here.SendAsync("""{"type":"unregisterfunction","id":"mail::send"}""");
        await _there.WaitForStatsAsync("mail", "consumer_count", 0);
        await _producer.EnqueueAsync("mail", "1");
        await _there.WaitForStatsAsync("mail", "depth", 1);

        await _here.RegisterAsync("mail::send");
        var call = await _here.NextCallAsync("mail::send");
        Assert.Equal(1, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
        await _here.AnswerAsync(call);
    }

    [Fact]
    public async Task Trigger_that_is_gone_here_is_gone_there()
    {
        await _here.SubscribeAsync("mail::send", "mail");
        await _there.WaitForStatsAsync("mail", "consumer_count", 1);
        await _here.SendAsync("""{"type":"unregistertrigger","id":"mail::send-trigger"}""");
        await _there.WaitForStatsAsync("mail", "consumer_count", 0);
    }

    [Fact]
    public async Task Job_whose_worker_was_lost_here_is_tried_again()
    {
        var other = await _local.ConnectAsync();
        await other.SubscribeAsync("mail::send", "mail", """{"maxRetries":1,"backoffDelayMs":10}""");
        await _producer.EnqueueAsync("mail", "1");
        await other.NextCallAsync("mail::send");
        await other.DisposeAsync();
        await _here.SubscribeAsync("mail::send", "mail", """{"maxRetries":1,"backoffDelayMs":10}""");
        Assert.Equal(1, (await _here.HandleAsync("mail::send")).GetInt32());
    }

    [Fact]
    public async Task Without_the_other_engine_nothing_is_accepted_and_after_its_return_everything_works()
    {
        await using var other = await _local.ConnectAsync();
        await _here.SubscribeAsync("mail::send", "mail");
        await other.SubscribeAsync("log::one", "news", type: "durable:subscriber");
        await _there.WaitForStatsAsync("news", "consumer_count", 1);
        var port = _remote.WorkerPort;
        await _there.DisposeAsync();
        await _remote.DisposeAsync();
        await Eventually.TrueAsync(async () =>
            await _producer.CallAsync("enqueue", """{"topic":"mail","data":0}""") is var answer && answer.TryGetProperty("error", out var error)
            && error.GetProperty("code").GetString() == "enqueue_failed"
            && error.GetProperty("message").GetString()!.Contains("iii is not connected", StringComparison.Ordinal));

        _remote = await StartRemoteAsync(port);
        _there = await _remote.ConnectAsync();
        await WaitUntilItWorksAsync();
        await _producer.EnqueueAsync("mail", "1");
        await _producer.EnqueueAsync("news", "2");
        Assert.Equal(1, (await _here.HandleAsync("mail::send")).GetInt32());
        Assert.Equal(2, (await other.HandleAsync("log::one")).GetInt32());
    }

    [Fact]
    public async Task Engine_that_stops_finishes_the_jobs_that_its_workers_have_begun()
    {
        await _here.SubscribeAsync("mail::send", "mail", """{"concurrency":1}""");
        await _producer.EnqueueAsync("mail", "1");
        await _producer.EnqueueAsync("mail", "2");
        var call = await _here.NextCallAsync("mail::send");
        var stopping = _local.StopAsync();
        await Eventually.TrueAsync(async () => !(await _there.AskAsync("engine::functions::list")).GetRawText().Contains("queue::bridge::", StringComparison.Ordinal));
        await _here.AnswerAsync(call);
        await stopping;

        await _there.SubscribeAsync("mail::send", "mail");
        Assert.Equal(2, (await _there.HandleAsync("mail::send")).GetInt32());
        await _there.WaitForStatsAsync("mail", "depth", 0);
    }

    [Fact]
    public async Task Errors_of_the_input_are_those_of_every_queue()
    {
        Assert.Equal("topic_not_set", await _here.ErrorAsync("enqueue", """{"topic":"","data":1}"""));
        Assert.Equal("deserialization_error", await _here.ErrorAsync("iii::durable::publish", """{"topic":"t"}"""));
        Assert.Equal("enqueue_failed", await _here.ErrorAsync("enqueue", $$"""{"topic":"{{new string('t', 300)}}","data":1}"""));
    }

    [Fact]
    public async Task Message_that_does_not_fit_is_refused_and_the_bridge_stays()
    {
        var gateway = new WorkerGatewayOptions();
        var largest = new string('x', gateway.MaxMessageBytes - 1_000);
        Assert.Equal("enqueue_failed", await _here.ErrorAsync("enqueue", $$"""{"topic":"t","data":"{{largest}}"}"""));
        await _producer.EnqueueAsync("t", "1");
    }

    [Fact]
    public async Task Message_too_many_on_the_way_is_refused()
    {
        await using var engine = await TestEngine.StartAsync(
            gateway: new WorkerGatewayOptions { OutboundQueueBytes = 30_000 }, queue: new QueueOptions { BridgeUrl = "ws://127.0.0.1:1" });
        await using var worker = await engine.ConnectAsync();
        var error = (await worker.CallAsync("enqueue", """{"topic":"t","data":1}""")).GetProperty("error");
        Assert.Equal("enqueue_failed", error.GetProperty("code").GetString());
        Assert.Contains("too many are on their way", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_cannot_be_put_into_named_queues()
    {
        var error = (await _here.EnqueueCallAsync("default", "f", "1")).GetProperty("error");
        Assert.Equal("enqueue_error", error.GetProperty("code").GetString());
        Assert.Contains("no queues of its own", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Function_that_no_trigger_needs_cannot_be_called_from_there()
    {
        await _here.RegisterAsync("secret");
        await _here.BarrierAsync();
        Assert.Equal("function_not_found", await _there.ErrorAsync("queue::bridge::secret", "{}"));
    }

    [Fact]
    public async Task Other_engine_without_queues_is_an_error_that_says_so()
    {
        await using var remote = await TestEngine.StartAsync();
        await using var local = await StartLocalAsync(remote.WorkerPort);
        await using var worker = await local.ConnectAsync();
        await Eventually.TrueAsync(async () =>
            (await worker.CallAsync("enqueue", """{"topic":"t","data":1}""")).GetProperty("error") is var error
            && error.GetProperty("code").GetString() == "enqueue_failed"
            && error.GetProperty("message").GetString()!.Contains("function_not_found", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Engine_is_no_bridge_to_itself()
    {
        var error = await Assert.ThrowsAsync<EngineStartException>(() => TestEngine.StartAsync(
            workerPort: 7, queue: new QueueOptions { BridgeUrl = "ws://localhost:7" }));
        Assert.Contains("this engine's own port", error.Message, StringComparison.Ordinal);
    }

    private static Task<TestEngine> StartLocalAsync(int port) =>
        TestEngine.StartAsync(queue: new QueueOptions { BridgeUrl = $"ws://127.0.0.1:{port}" });

    private Task<TestEngine> StartRemoteAsync(int port = 0) =>
        TestEngine.StartAsync(workerPort: port, queue: new QueueOptions(), queues: new MemoryQueueBroker(_world));

    private Task WaitUntilItWorksAsync() => Eventually.TrueAsync(async () =>
        !(await _producer.CallAsync("enqueue", """{"topic":"first","data":null}""")).TryGetProperty("error", out _));
}
