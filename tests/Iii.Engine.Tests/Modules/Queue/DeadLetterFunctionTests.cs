using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class DeadLetterFunctionTests
{
    private const string Once = """{"maxRetries":1}""";

    [Fact]
    public async Task Line_48_dead_letter_keeps_payload_error_time_and_attempts()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":2,"backoffDelayMs":1}""");
        await producer.EnqueueAsync("t", """{"a": [1.50]}""");
        await consumer.FailAsync("f", "first");
        await consumer.FailAsync("f", "second");
        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        var dead = Assert.Single(await producer.DeadLettersAsync("t"));
        Assert.Equal("""{"a": [1.50]}""", dead.GetProperty("payload").GetRawText());
        Assert.Equal("second: it failed", dead.GetProperty("error").GetString());
        Assert.Equal((1, 13), (dead.GetProperty("retries").GetInt32(), dead.GetProperty("size_bytes").GetInt32()));
        Assert.InRange(
            DateTimeOffset.FromUnixTimeMilliseconds(dead.GetProperty("failed_at").GetInt64()), DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Equal(["first", "second"], dead.GetProperty("attempts").EnumerateArray().Select(static attempt => attempt.GetProperty("error_code").GetString()));
    }

    [Fact]
    public async Task Retries_of_a_dead_letter_are_all_that_were_made_and_not_those_alone_that_it_remembers()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        const int Attempts = BrokerLimits.MaxRememberedFailures + 3;
        await consumer.SubscribeAsync("f", "t", $$"""{"maxRetries":{{Attempts}},"backoffDelayMs":0}""");
        await producer.EnqueueAsync("t", "1");
        for (var i = 0; i < Attempts; i++)
        {
            await consumer.FailAsync("f");
        }

        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        var dead = Assert.Single(await producer.DeadLettersAsync("t"));
        Assert.Equal(
            (Attempts - 1, BrokerLimits.MaxRememberedFailures),
            (dead.GetProperty("retries").GetInt32(), dead.GetProperty("attempts").GetArrayLength()));
    }

    [Fact]
    public async Task Redrive_puts_all_dead_letters_back_with_their_attempts_afresh()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a", "b", "a"]);
        var answer = await producer.AskAsync("iii::queue::redrive", """{"queue":"t"}""");
        Assert.Equal(
            """{"queue":"t","redriven":3,"matched":3,"complete":true}""", answer.GetRawText());
        for (var i = 0; i < 3; i++)
        {
            var call = await consumer.NextCallAsync("f");
            Assert.Equal(1, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
            await consumer.AnswerAsync(call);
        }

        await producer.WaitForStatsAsync("t", "depth", 0);
        await producer.WaitForStatsAsync("t", "dlq_depth", 0);
    }

    [Fact]
    public async Task Redrive_takes_what_the_filter_says_and_no_more_than_its_limit()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a", "b", "a", "c"]);
        await consumer.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        await producer.WaitForStatsAsync("t", "consumer_count", 0);
        Assert.Equal((0, 4, true), await RedriveAsync(producer, ",\"dry_run\":true"));
        Assert.Equal((0, 2, true), await RedriveAsync(producer, ",\"dry_run\":true,\"error_code\":\"a\""));
        Assert.Equal((0, 0, true), await RedriveAsync(producer, ",\"dry_run\":true,\"function_id\":\"other\""));
        Assert.Equal((0, 4, true), await RedriveAsync(producer, ",\"dry_run\":true,\"failed_after\":\"2020-01-01T00:00:00Z\",\"failed_before\":4102444800000"));
        Assert.Equal((0, 0, true), await RedriveAsync(producer, ",\"dry_run\":true,\"failed_before\":\"2020-01-01T00:00:00Z\""));
        await producer.WaitForStatsAsync("t", "dlq_depth", 4);
        Assert.Equal((1, 1, false), await RedriveAsync(producer, ",\"error_code\":\"a\",\"limit\":1"));
        Assert.Equal((1, 1, true), await RedriveAsync(producer, ",\"error_code\":\"a\",\"max_per_second\":1000"));
        Assert.Equal(["b", "c"], (await producer.DeadLettersAsync("t")).Select(static dead => dead.GetProperty("error_code").GetString()));
        Assert.Equal("deserialization_error", await producer.ErrorAsync("iii::queue::redrive", """{"queue":"t","failed_after":"soon"}"""));
    }

    [Fact]
    public async Task Redrive_keeps_to_the_rate()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a", "b", "c"]);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal((3, 3, true), await RedriveAsync(producer, ",\"max_per_second\":4"));
        Assert.True(clock.ElapsedMilliseconds >= 490, $"{clock.Elapsed}");
    }

    [Fact]
    public async Task Single_dead_letters_are_put_back_or_deleted()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a", "b"]);
        var ids = (await producer.DeadLettersAsync("t")).Select(static dead => dead.GetProperty("id").GetString()).ToArray();
        foreach (var expected in new[] { 1, 0 })
        {
            var redriven = await producer.AskAsync("iii::queue::redrive_message", $$"""{"queue":"t","message_id":"{{ids[0]}}"}""");
            Assert.Equal(("t", ids[0], expected), (redriven.GetProperty("queue").GetString(), redriven.GetProperty("message_id").GetString(), redriven.GetProperty("redriven").GetInt32()));
            var discarded = await producer.AskAsync("iii::queue::discard_message", $$"""{"topic":"t","message_id":"{{ids[1]}}"}""");
            Assert.Equal((expected, expected), (discarded.GetProperty("discarded").GetInt32(), discarded.GetProperty("redriven").GetInt32()));
        }

        await consumer.HandleAsync("f");
        Assert.Empty(await producer.DeadLettersAsync("t"));
    }

    [Theory]
    [InlineData("iii::queue::redrive", "{}", "queue_not_set")]
    [InlineData("iii::queue::redrive", """{"queue":""}""", "queue_not_set")]
    [InlineData("iii::queue::redrive", "5", "deserialization_error")]
    [InlineData("iii::queue::redrive", """{"queue":"t","max_per_second":-1}""", "deserialization_error")]
    [InlineData("iii::queue::redrive", """{"queue":"\ud800"}""", "deserialization_error")]
    [InlineData("iii::queue::redrive", """{"queue":"t","failed_after":"\ud800"}""", "deserialization_error")]
    [InlineData("iii::queue::redrive", """{"queue":"t","failed_after":"01/02/2026"}""", "deserialization_error")]
    [InlineData("iii::queue::redrive", """{"queue":"t","failed_before":"12:30"}""", "deserialization_error")]
    [InlineData("iii::queue::redrive_message", "{}", "queue_not_set")]
    [InlineData("iii::queue::redrive_message", """{"queue":"t"}""", "message_id_not_set")]
    [InlineData("iii::queue::discard_message", """{"queue":"t","message_id":""}""", "message_id_not_set")]
    [InlineData("iii::queue::cancel", """{"queue":"t"}""", "message_id_not_set")]
    [InlineData("iii::queue::remove_subscriber", """{"function_id":"f"}""", "topic_not_set")]
    [InlineData("iii::queue::remove_subscriber", """{"topic":"t"}""", "function_id_not_set")]
    [InlineData("engine::queue::topic_stats", "{}", "queue_not_set")]
    [InlineData("engine::queue::dlq_messages", """{"topic":"t","limit":1001}""", "deserialization_error")]
    public async Task Inputs_without_sense_have_their_codes(string function, string input, string code)
    {
        await using var engine = await StartAsync();
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(code, await worker.ErrorAsync(function, input));
    }

    [Theory]
    [InlineData("iii::queue::redrive", "redrive_failed")]
    [InlineData("iii::queue::redrive_message", "redrive_message_failed")]
    [InlineData("iii::queue::discard_message", "discard_message_failed")]
    [InlineData("iii::queue::cancel", "cancel_failed")]
    [InlineData("engine::queue::topic_stats", "inspection_failed")]
    public async Task What_the_broker_refuses_has_the_code_of_the_function(string function, string code)
    {
        await using var engine = await StartAsync();
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(code, await worker.ErrorAsync(function, $$"""{"queue":"{{new string('x', 300)}}","message_id":"m"}"""));
    }

    [Fact]
    public async Task Job_that_has_not_begun_can_be_taken_back()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        var receipt = (await producer.EnqueueCallAsync("default", "f", "1")).GetProperty("result").GetProperty("messageReceiptId").GetString();
        foreach (var expected in new[] { 1, 0 })
        {
            var answer = await producer.AskAsync("iii::queue::cancel", $$"""{"queue":"default","message_id":"{{receipt}}"}""");
            Assert.Equal($$"""{"queue":"default","message_id":"{{receipt}}","cancelled":{{expected}}}""", answer.GetRawText());
        }

        await consumer.RegisterAsync("f");
        await producer.EnqueueCallAsync("default", "f", "2");
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Theory]
    [InlineData("enqueue")]
    [InlineData("iii::durable::publish")]
    public async Task Delayed_message_of_a_topic_can_be_taken_back_by_its_receipt(string function)
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t");
        var receipt = await producer.AskAsync(function, """{"topic":"t","data":1,"delay_ms":600,"receipt":true}""");
        var id = Assert.Single(receipt.EnumerateObject(), static member => member.NameEquals("messageReceiptId")).Value.GetString();
        await producer.EnqueueAsync("t", "2", ",\"delay_ms\":800,\"receipt\":false");
        var answer = await producer.AskAsync("iii::queue::cancel", $$"""{"topic":"t","message_id":"{{id}}"}""");

        Assert.Equal(1, answer.GetProperty("cancelled").GetInt32());
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Topics_are_listed_with_their_counts()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a"]);
        await producer.EnqueueAsync("waiting", "1");
        await producer.WaitForStatsAsync("default", "consumer_count", 1);
        var topics = (await producer.AskAsync("engine::queue::list_topics")).EnumerateArray().ToArray();
        Assert.Equal(
            [("default", "queue", 1), ("t", "topic", 1), ("waiting", "topic", 0)],
            topics.Select(static row => (row.GetProperty("name").GetString(), row.GetProperty("kind").GetString(), row.GetProperty("subscriber_count").GetInt32())));
        Assert.All(topics, static row => Assert.Equal("memory", row.GetProperty("broker_type").GetString()));
        Assert.Equal("t", Assert.Single((await producer.AskAsync("engine::queue::list_topics", """{"offset":1,"limit":1}""")).EnumerateArray()).GetProperty("name").GetString());
        var dead = Assert.Single((await producer.AskAsync("engine::queue::dlq_topics")).EnumerateArray());
        Assert.Equal(("t", 1), (dead.GetProperty("topic").GetString(), dead.GetProperty("message_count").GetInt32()));
        var stats = await producer.AskAsync("engine::queue::topic_stats", """{"topic":"t"}""");
        Assert.Equal((0, 1, 1), (stats.GetProperty("depth").GetInt32(), stats.GetProperty("consumer_count").GetInt32(), stats.GetProperty("dlq_depth").GetInt32()));
        Assert.Equal("default", Assert.Single(stats.GetProperty("groups").EnumerateArray()).GetProperty("group").GetString());
        var queue = await producer.AskAsync("engine::queue::topic_stats", """{"queue":"default"}""");
        Assert.Equal(3, queue.GetProperty("config").GetProperty("max_retries").GetInt32());
    }

    [Fact]
    public async Task Dead_letters_are_listed_page_by_page()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await BuryAsync(consumer, producer, "t", ["a", "b", "a", "c", "a"]);
        Assert.Equal(["a", "c"], await CodesAsync(",\"offset\":2,\"limit\":2"));
        Assert.Equal(["a"], await CodesAsync(",\"offset\":4,\"limit\":2"));
        Assert.Equal(["a", "a"], await CodesAsync(",\"offset\":1,\"error_code\":\"a\""));
        Assert.Empty(await CodesAsync(",\"limit\":0"));

        async Task<string?[]> CodesAsync(string members) =>
            [.. (await producer.DeadLettersAsync("t", members)).Select(static dead => dead.GetProperty("error_code").GetString())];
    }

    [Fact]
    public async Task List_of_dead_letters_ends_where_their_errors_are_too_many_for_one_answer()
    {
        await using var broker = new MemoryQueueBroker(new MemoryWorld());
        var error = new AttemptFailure("x", new string('e', BrokerLimits.MaxFailureMessageLength));
        const int Size = BrokerLimits.MaxFailureMessageLength * (BrokerLimits.MaxRememberedFailures + 1);
        const int Fitting = (InspectionFunctions.MaxBytes / Size) + 1;
        await using (await broker.ConsumeAsync(
            new QueueSubscription(QueueNames.OfTopic("t")),
            (delivery, _) => ValueTask.FromResult(
                delivery.Attempt < BrokerLimits.MaxRememberedFailures ? QueueVerdict.RetryAfter(TimeSpan.Zero, error) : QueueVerdict.DeadLetter(error)),
            TestContext.Current.CancellationToken))
        {
            for (var i = 0; i < Fitting + 5; i++)
            {
                await broker.EnqueueAsync(QueueNames.OfTopic("t"), new QueueMessage("1"u8.ToArray()), cancellationToken: TestContext.Current.CancellationToken);
            }

            await Eventually.TrueAsync(async () =>
                (await broker.GetStatsAsync(QueueNames.OfTopic("t"), TestContext.Current.CancellationToken))!.Groups[0].Dead == Fitting + 5);
        }

        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var worker = await engine.ConnectAsync();
        Assert.Equal(Fitting, (await worker.DeadLettersAsync("t", ",\"limit\":1000")).Length);
        Assert.Equal(5, (await worker.DeadLettersAsync("t", $",\"limit\":1000,\"offset\":{Fitting}")).Length);
    }

    [Fact]
    public async Task Dead_letters_of_durable_subscribers_are_their_own()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":0}""", "durable:subscriber");
        await consumer.SubscribeAsync("g", "t", """{"maxRetries":0}""", "durable:subscriber");
        await producer.WaitForStatsAsync("t", "consumer_count", 2);
        await producer.EnqueueAsync("t", "1");
        var calls = new[] { await consumer.NextAsync("invokefunction"), await consumer.NextAsync("invokefunction") };
        foreach (var call in calls)
        {
            var isG = call.GetProperty("function_id").GetString() == "g";
            await consumer.AnswerAsync(call, isG ? "\"error\":{\"code\":\"x\",\"message\":\"m\"}" : "\"result\":1");
        }

        await producer.WaitForStatsAsync("t", "dlq_depth", 1);
        Assert.Empty(await producer.DeadLettersAsync("t", ",\"function_id\":\"f\""));
        Assert.Equal("fn:g", Assert.Single(await producer.DeadLettersAsync("t", ",\"function_id\":\"g\"")).GetProperty("group").GetString());
        Assert.Equal((1, 1, true), await RedriveAsync(producer, ""));
        await consumer.HandleAsync("g");
    }

    [Fact]
    public async Task Durable_subscriber_that_will_not_come_back_is_removed()
    {
        await using var engine = await StartAsync();
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        const string Input = """{"topic":"t","function_id":"f"}""";
        await consumer.SubscribeAsync("f", "t", type: "durable:subscriber");
        await producer.WaitForStatsAsync("t", "consumer_count", 1);
        Assert.Equal("remove_subscriber_failed", await producer.ErrorAsync("iii::queue::remove_subscriber", Input));
        await consumer.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        await producer.WaitForStatsAsync("t", "consumer_count", 0);
        await producer.EnqueueAsync("t", "1");
        await producer.WaitForStatsAsync("t", "depth", 1);
        foreach (var expected in new[] { 1, 0 })
        {
            var answer = await producer.AskAsync("iii::queue::remove_subscriber", Input);
            Assert.Equal(expected, answer.GetProperty("removed").GetInt32());
        }

        await producer.WaitForStatsAsync("t", "depth", 0);
    }

    private static Task<TestEngine> StartAsync() => TestEngine.StartAsync(queue: new QueueOptions());

    [Fact]
    public async Task Broker_that_lists_nothing_has_the_dead_letters_of_those_who_subscribe_and_of_the_function_that_is_named()
    {
        await using var broker = new RestrictedQueueBroker(BrokerFeatures.Inspection);
        await using var engine = await TestEngine.StartAsync(queue: new QueueOptions(), queues: broker);
        await using var producer = await engine.ConnectAsync();
        await using var consumer = await engine.ConnectAsync();
        await consumer.SubscribeAsync("f", "t", """{"maxRetries":0}""", type: "durable:subscriber");
        await producer.EnqueueAsync("t", "1");
        await consumer.FailAsync("f");
        await Eventually.TrueAsync(async () => (await producer.DeadLettersAsync("t")).Length == 1);

        await consumer.SendAsync("""{"type":"unregistertrigger","id":"f-trigger"}""");
        await consumer.BarrierAsync();
        Assert.Empty(await producer.DeadLettersAsync("t"));
        Assert.Equal((0, 0, true), await RedriveAsync(producer, ""));
        Assert.Equal((1, 1, true), await RedriveAsync(producer, ""","function_id":"f" """));
    }

    /// <summary>Makes dead letters of these codes.</summary>
    private static async Task BuryAsync(TestWorker consumer, TestWorker producer, string topic, string[] codes)
    {
        await consumer.SubscribeAsync("f", topic, Once);
        for (var i = 0; i < codes.Length; i++)
        {
            await producer.EnqueueAsync(topic, $"{i}");
            await consumer.FailAsync("f", codes[i]);
            await producer.WaitForStatsAsync(topic, "dlq_depth", i + 1);
        }
    }

    private static async Task<(int Redriven, int Matched, bool IsComplete)> RedriveAsync(TestWorker worker, string members)
    {
        var answer = await worker.AskAsync("iii::queue::redrive", $$"""{"queue":"t"{{members}} }""");
        return (answer.GetProperty("redriven").GetInt32(), answer.GetProperty("matched").GetInt32(), answer.GetProperty("complete").GetBoolean());
    }
}
