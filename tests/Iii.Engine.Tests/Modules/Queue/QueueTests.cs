using System.Diagnostics;
using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>What clients see of topics; the lines are those of the list of what is easy to get wrong.</summary>
public sealed class QueueTests
{
    /// <summary>Fails fast.</summary>
    private const string Quick = """{"maxRetries":3,"backoffDelayMs":1}""";

    [Fact]
    public async Task Line_30_enqueue_has_no_result_and_says_what_is_missing()
    {
        await using var engine = await StartAsync();
        await using var worker = await engine.ConnectAsync();
        foreach (var function in new[] { "enqueue", "iii::durable::publish" })
        {
            var answer = await worker.CallAsync(function, """{"topic":"t","data":1}""");
            Assert.False(answer.TryGetProperty("error", out _) || answer.TryGetProperty("result", out _));
            Assert.Equal("topic_not_set", await worker.ErrorAsync(function, """{"topic":""}"""));
            Assert.Equal("topic_not_set", await worker.ErrorAsync(function, """{"topic":"","data":1}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"topic":"t"}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"data":1}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"topic":1,"data":1}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, "[]"));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"topic":"t","data":1,"priority":10}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"topic":"t","data":1,"delay_ms":-1}"""));
            Assert.Equal("deserialization_error", await worker.ErrorAsync(function, """{"topic":"t","data":1,"receipt":"yes"}"""));
            Assert.Equal("enqueue_failed", await worker.ErrorAsync(function, $$"""{"topic":"{{new string('x', 300)}}","data":1}"""));
        }
    }

    [Theory]
    [InlineData("42")]
    [InlineData("null")]
    [InlineData("\"text with \\u00e9, \\\" and é\"")]
    [InlineData("[1, 2.50, 1e3]")]
    [InlineData("{ \"a\" : {\"b\":[]}, \"a\":2, \"n\":12345678901234567890 }")]
    public async Task Line_31_handler_gets_the_payload_as_it_came(string payload)
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await producer.EnqueueAsync("t", payload);
        var call = await consumer.NextCallAsync("f");
        Assert.Equal(payload, call.GetProperty("data").GetRawText());
        var metadata = call.GetProperty("metadata");
        Assert.Equal(["message_id", "attempt", "topic", "enqueued_at"], metadata.EnumerateObject().Select(static member => member.Name));
        Assert.Equal((1, "t"), (metadata.GetProperty("attempt").GetInt32(), metadata.GetProperty("topic").GetString()));
        Assert.InRange(metadata.GetProperty("enqueued_at").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    [Fact]
    public async Task Line_32_functions_of_a_topic_share_its_messages_in_turn()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await consumer.SubscribeAsync("g", "t");
        await producer.EnqueueAsync("t", "1");
        await producer.EnqueueAsync("t", "2");
        var one = await consumer.NextAsync("invokefunction");
        var two = await consumer.NextAsync("invokefunction");
        Assert.Equal(["f", "g"], new[] { one, two }.Select(static call => call.GetProperty("function_id").GetString()).Order());
        await consumer.AnswerAsync(one);
        await consumer.AnswerAsync(two);
        await producer.WaitForStatsAsync("t", "depth", 0);
        Assert.Empty(await consumer.BarrierAsync());
    }

    [Fact]
    public async Task Line_33_message_waits_for_its_first_subscriber()
    {
        await using var engine = await StartAsync();
        await using var producer = await engine.ConnectAsync();
        await producer.EnqueueAsync("t", "1");
        await using var consumer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        Assert.Equal(1, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Line_34_by_default_there_are_three_attempts_with_pauses_of_one_and_two_seconds()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await producer.EnqueueAsync("t", "1");
        await consumer.FailAsync("f");
        var clock = Stopwatch.StartNew();
        Assert.Equal(2, (await consumer.FailAsync("f")).GetProperty("metadata").GetProperty("attempt").GetInt32());
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.95), $"{clock.Elapsed}");
        clock.Restart();
        await consumer.FailAsync("f");
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(1.95), $"{clock.Elapsed}");
        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        Assert.Empty(await consumer.BarrierAsync());
    }

    [Theory]
    [InlineData("\"result\":false")]
    [InlineData("\"result\":null")]
    [InlineData("\"x\":1")]
    public async Task Line_36_whatever_is_returned_is_success(string members)
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", Quick);
        await producer.EnqueueAsync("t", "1");
        await consumer.AnswerAsync(await consumer.NextCallAsync("f"), members);
        await producer.WaitForStatsAsync("t", "depth", 0);
        await producer.WaitForStatsAsync("t", "dlq_depth", 0);
    }

    [Fact]
    public async Task Line_36_job_of_a_killed_worker_goes_to_another()
    {
        await using var engine = await StartAsync();
        await using var producer = await engine.ConnectAsync();
        var victim = await engine.ConnectAsync();
        await victim.SubscribeAsync("f", "t", Quick);
        await producer.EnqueueAsync("t", "1");
        var first = await victim.NextCallAsync("f");
        await using var heir = await engine.ConnectAsync();
        await heir.SubscribeAsync("f", "t", Quick);
        await victim.DisposeAsync();
        var second = await heir.NextCallAsync("f");
        Assert.Equal(
            first.GetProperty("metadata").GetProperty("message_id").GetString(), second.GetProperty("metadata").GetProperty("message_id").GetString());
    }

    [Fact]
    public async Task Job_that_takes_three_workers_down_is_a_dead_letter()
    {
        await using var engine = await StartAsync();
        await using var producer = await engine.ConnectAsync();
        await producer.EnqueueAsync("t", "1");
        var workers = new List<string>();
        for (var i = 0; i < RetryPolicy.MaxCrashes; i++)
        {
            await using var victim = await engine.ConnectAsync();
            await victim.CallAsync("engine::workers::register", $$"""{"name":"host:{{i}}"}""");
            workers.Add($"host:{i} ({victim.WorkerId})");
            await victim.SubscribeAsync("f", "t", """{"maxRetries":1,"backoffDelayMs":1}""");
            await victim.NextCallAsync("f");
        }

        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        var dead = Assert.Single(await producer.DeadLettersAsync("t"));
        Assert.Equal("worker_crash", dead.GetProperty("error_code").GetString());
        Assert.Equal(workers, dead.GetProperty("attempts").EnumerateArray().Select(static attempt => attempt.GetProperty("worker").GetString()));
    }

    [Theory]
    [InlineData("_condition_path")]
    [InlineData("condition_function_id")]
    public async Task Line_37_condition_decides_and_its_failure_is_an_attempt(string key)
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("c");
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":2,"backoffDelayMs":1}""", members: $",\"{key}\":\"c\"");
        await producer.EnqueueAsync("t", "1");
        var condition = await consumer.NextAsync("invokefunction");
        Assert.Equal(("c", 1), (condition.GetProperty("function_id").GetString(), condition.GetProperty("data").GetInt32()));
        await consumer.AnswerAsync(condition, "\"result\":false");
        await producer.WaitForStatsAsync("t", "depth", 0);

        await producer.EnqueueAsync("t", "2");
        await consumer.FailAsync("c");
        await consumer.FailAsync("c");
        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        Assert.Equal("condition_failed", Assert.Single(await producer.DeadLettersAsync("t")).GetProperty("error_code").GetString());

        await producer.EnqueueAsync("t", "3");
        await consumer.AnswerAsync(await consumer.NextAsync("invokefunction"), "\"result\":0");
        Assert.Equal(3, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Condition_that_nobody_provides_uses_up_no_attempt()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":1}""", members: ",\"condition_function_id\":\"c\"");
        await producer.WaitForStatsAsync("t", "consumer_count", 1);
        await producer.EnqueueAsync("t", "1");
        await Eventually.TrueAsync(async () =>
            (await producer.AskAsync("engine::queue::topic_stats", """{"topic":"t"}""")).GetProperty("groups")[0].GetProperty("delayed").GetInt32() == 1);
        await consumer.RegisterAsync("c");
        await consumer.AnswerAsync(await consumer.NextCallAsync("c"), "\"result\":true");
        var call = await consumer.NextCallAsync("f");
        Assert.Equal(1, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
    }

    [Fact]
    public async Task Condition_whose_worker_is_lost_uses_up_no_attempt_until_it_has_taken_three_down()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":1,"backoffDelayMs":1}""", members: ",\"condition_function_id\":\"c\"");
        await producer.EnqueueAsync("t", "1");
        for (var i = 0; i < 3; i++)
        {
            await using var victim = await engine.ConnectAsync();
            await victim.RegisterAsync("c");
            await victim.NextCallAsync("c");
            await producer.WaitForStatsAsync("t", "dlq_depth", 0);
        }

        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        Assert.Equal("worker_crash", Assert.Single(await producer.DeadLettersAsync("t")).GetProperty("error_code").GetString());
    }

    [Theory]
    [InlineData("""{"type":5,"maxRetries":"many","colour":"red","concurrency":{}}""")]
    [InlineData("\"fast\"")]
    [InlineData("""{"type":"standard","maxRetries":5,"concurrency":2}""")]
    [InlineData("""{"type":"concurrent","visibilityTimeout":30,"delaySeconds":0}""")]
    public async Task Lines_38_and_39_no_queue_config_prevents_the_subscription(string queueConfig)
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", queueConfig);
        await producer.EnqueueAsync("t", "1");
        Assert.Equal(1, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Line_40_fifo_repeats_a_failed_job_before_the_next_one()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"type":"fifo","maxRetries":3,"backoffDelayMs":1}""");
        foreach (var data in new[] { "1", "2", "3" })
        {
            await producer.EnqueueAsync("t", data);
        }

        Assert.Equal(1, (await consumer.HandleAsync("f")).GetInt32());
        Assert.Equal(2, (await consumer.FailAsync("f")).GetProperty("data").GetInt32());
        Assert.Equal(2, (await consumer.FailAsync("f")).GetProperty("data").GetInt32());
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
        Assert.Equal(3, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Line_41_fifo_goes_on_behind_a_dead_letter()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"type":"fifo","maxRetries":2,"backoffDelayMs":1}""");
        await producer.EnqueueAsync("t", "1");
        await producer.EnqueueAsync("t", "2");
        await consumer.FailAsync("f");
        await consumer.FailAsync("f");
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
        Assert.Equal(1, Assert.Single(await producer.DeadLettersAsync("t")).GetProperty("payload").GetInt32());
    }

    [Fact]
    public async Task Fifo_groups_run_side_by_side()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"type":"fifo","concurrency":5}""");
        await producer.EnqueueAsync("t", "1", ",\"group\":\"a\"");
        await producer.EnqueueAsync("t", "2", ",\"group\":\"a\"");
        await producer.EnqueueAsync("t", "3", ",\"group\":\"b\"");
        var one = await consumer.NextCallAsync("f");
        var other = await consumer.NextCallAsync("f");
        Assert.Equal([1, 3], new[] { one, other }.Select(static call => call.GetProperty("data").GetInt32()).Order());
        await consumer.AnswerAsync(one.GetProperty("data").GetInt32() == 1 ? one : other);
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Line_42_after_unregister_messages_stay_for_the_next_subscriber()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await producer.WaitForStatsAsync("t", "consumer_count", 1);
        await consumer.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        await producer.WaitForStatsAsync("t", "consumer_count", 0);
        await producer.EnqueueAsync("t", "1");
        Assert.Empty(await consumer.BarrierAsync());
        await producer.WaitForStatsAsync("t", "depth", 1);
        await consumer.TriggerAsync("f", "t");
        Assert.Equal(1, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Unregister_lets_the_running_job_finish()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        await producer.EnqueueAsync("t", "1");
        var call = await consumer.NextCallAsync("f");
        await consumer.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        await consumer.BarrierAsync();
        await consumer.AnswerAsync(call);
        await producer.WaitForStatsAsync("t", "depth", 0);
    }

    [Fact]
    public async Task Line_43_jobs_of_a_missing_function_wait_and_other_topics_go_on()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.TriggerAsync("missing", "t");
        await consumer.SubscribeAsync("f", "other");
        await producer.EnqueueAsync("t", "1");
        await producer.EnqueueAsync("other", "2");
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
        await producer.WaitForStatsAsync("t", "depth", 1);
        await consumer.RegisterAsync("missing");
        var call = await consumer.NextCallAsync("missing");
        Assert.Equal(1, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
    }

    [Fact]
    public async Task Line_45_message_that_is_no_json_is_a_dead_letter_and_consumers_go_on()
    {
        await using var broker = new MemoryQueueBroker(new MemoryWorld());
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        foreach (var payload in new[] { "", "{", "1 2", "},\"x\":{" })
        {
            await broker.EnqueueAsync("topic:t", new QueueMessage(System.Text.Encoding.UTF8.GetBytes(payload)), cancellationToken: TestContext.Current.CancellationToken);
        }

        await producer.EnqueueAsync("t", "5");
        Assert.Equal(5, (await consumer.HandleAsync("f")).GetInt32());
        await producer.WaitForStatsAsync("t", "dlq_depth", 4);
        Assert.All(await producer.DeadLettersAsync("t"), static dead => Assert.Equal("malformed_job", dead.GetProperty("error_code").GetString()));
    }

    [Fact]
    public async Task Line_47_trace_of_the_enqueuing_call_goes_to_the_handler()
    {
        const string TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":1}""");
        await producer.SendCallAsync(
            "1", "enqueue", """{"topic":"t","data":1}""", $",\"traceparent\":\"{TraceParent}\",\"baggage\":\"k=\\\"v\\\"\"");
        var call = await consumer.FailAsync("f");
        Assert.Equal((TraceParent, "k=\"v\""), (call.GetProperty("traceparent").GetString(), call.GetProperty("baggage").GetString()));
        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        var dead = Assert.Single(await producer.DeadLettersAsync("t"));
        var attempt = dead.GetProperty("attempts")[0];
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", attempt.GetProperty("trace_id").GetString());
        Assert.Equal(consumer.WorkerId, attempt.GetProperty("worker").GetString());
    }

    [Fact]
    public async Task Durable_subscribers_each_get_every_message_and_replicas_share()
    {
        await using var engine = await StartAsync();
        await using var one = await engine.ConnectAsync();
        await using var two = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await one.SubscribeAsync("f", "t", type: "durable:subscriber");
        await one.SubscribeAsync("g", "t", type: "durable:subscriber");
        await two.SubscribeAsync("f", "t", type: "durable:subscriber");
        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        const int Messages = 20;
        for (var i = 0; i < Messages; i++)
        {
            await producer.EnqueueAsync("t", $"{i}");
        }

        var collected = new[] { one, two }.Select(CollectAsync).ToArray();
        await producer.WaitForStatsAsync("t", "depth", 0);
        await one.DisposeAsync();
        await two.DisposeAsync();
        var calls = (await Task.WhenAll(collected)).SelectMany(static calls => calls).ToLookup(static call => call.FunctionId, static call => call.Data);
        Assert.Equal(Enumerable.Range(0, Messages), calls["f"].Order());
        Assert.Equal(Enumerable.Range(0, Messages), calls["g"].Order());
    }

    /// <summary>Answers all calls until the worker is disposed of, and says which they were.</summary>
    private static async Task<List<(string FunctionId, int Data)>> CollectAsync(TestWorker worker)
    {
        List<(string, int)> calls = [];
        try
        {
            while (true)
            {
                var call = await worker.NextAsync("invokefunction");
                calls.Add((call.GetProperty("function_id").GetString()!, call.GetProperty("data").GetInt32()));
                await worker.AnswerAsync(call);
            }
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            return calls;
        }
    }

    [Fact]
    public async Task Delay_priority_and_deduplication_are_obeyed()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        var clock = Stopwatch.StartNew();
        await producer.EnqueueAsync("t", "\"late\"", ",\"delay_ms\":600");
        await producer.EnqueueAsync("t", "\"low\"");
        await producer.EnqueueAsync("t", "\"high\"", ",\"priority\":9,\"dedup_key\":\"k\",\"dedup_window_ms\":60000");
        await producer.EnqueueAsync("t", "\"twice\"", ",\"dedup_key\":\"k\"");
        await consumer.SubscribeAsync("f", "t", """{"concurrency":1}""");
        Assert.Equal("high", (await consumer.HandleAsync("f")).GetString());
        Assert.Equal("low", (await consumer.HandleAsync("f")).GetString());
        Assert.Equal("late", (await consumer.HandleAsync("f")).GetString());
        Assert.True(clock.ElapsedMilliseconds >= 590, $"{clock.Elapsed}");
        await producer.WaitForStatsAsync("t", "depth", 0);
    }

    [Fact]
    public async Task Delay_of_a_subscription_holds_its_jobs_back()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"delaySeconds":1}""");
        var clock = Stopwatch.StartNew();
        await producer.EnqueueAsync("t", "1");
        var call = await consumer.NextCallAsync("f");
        Assert.True(clock.ElapsedMilliseconds >= 950, $"{clock.Elapsed}");
        Assert.Equal(1, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
    }

    [Fact]
    public async Task No_more_jobs_run_at_a_time_than_the_trigger_allows()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"concurrency":2}""");
        for (var i = 0; i < 4; i++)
        {
            await producer.EnqueueAsync("t", $"{i}");
        }

        var first = await consumer.NextCallAsync("f");
        await consumer.NextCallAsync("f");
        Assert.Empty(await consumer.BarrierAsync());
        await consumer.AnswerAsync(first);
        await consumer.NextCallAsync("f");
        Assert.Empty(await consumer.BarrierAsync());
    }

    [Fact]
    public async Task Trigger_without_a_topic_is_listed_and_does_nothing()
    {
        await using var engine = await StartAsync();
        await using var worker = await engine.ConnectAsync();
        await worker.SubscribeAsync("f", "");
        var triggers = await worker.AskAsync("engine::registered-triggers::list");
        Assert.Equal(1, triggers.GetProperty("registered_triggers").GetArrayLength());
        await worker.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        Assert.Empty(await worker.BarrierAsync());
    }

    private static Task<TestEngine> StartAsync() => TestEngine.StartAsync(queue: new QueueOptions());
}
