using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Queue;

/// <summary>Calls with the action <c>enqueue</c>.</summary>
public sealed class NamedQueueTests
{
    private static readonly QueueOptions Options = new()
    {
        QueueConfigs = new Dictionary<string, NamedQueueOptions>
        {
            ["payments"] = new() { Type = QueueType.Fifo, MessageGroupField = "order", MaxRetries = 1, BackoffMs = 1, Concurrency = 5 },
            ["strict"] = new() { Type = QueueType.Fifo },
            ["urgent"] = new() { Concurrency = 1, PriorityField = "p", MaxPriority = 100 },
        },
    };

    [Fact]
    public async Task Call_is_answered_with_a_receipt_and_carried_out_later()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("f");
        var answer = await producer.EnqueueCallAsync("default", "f", """{"a": 1.50}""");
        Assert.Equal("f", answer.GetProperty("function_id").GetString());
        var receipt = Assert.Single(answer.GetProperty("result").EnumerateObject());
        Assert.Equal("messageReceiptId", receipt.Name);
        var call = await consumer.NextCallAsync("f");
        Assert.Equal("""{"a": 1.50}""", call.GetProperty("data").GetRawText());
        var metadata = call.GetProperty("metadata");
        Assert.Equal((receipt.Value.GetString(), "default"), (metadata.GetProperty("message_id").GetString(), metadata.GetProperty("queue").GetString()));
    }

    [Fact]
    public async Task Call_without_an_id_is_enqueued_and_not_answered()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("f");
        await producer.SendAsync("""{"type":"invokefunction","function_id":"f","action":{"type":"enqueue","queue":"default"}}""");
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await consumer.HandleAsync("f")).ValueKind);
        Assert.Empty(await producer.BarrierAsync());
    }

    [Theory]
    [InlineData(""" "queue":"nowhere" """, "{}", "there is no queue 'nowhere'")]
    [InlineData(""" "queue":5 """, "{}", "the action has no string 'queue'")]
    [InlineData(""" "x":5 """, "{}", "the action has no string 'queue'")]
    [InlineData(""" "queue":"payments" """, "{}", "'order', which is missing or null")]
    [InlineData(""" "queue":"payments" """, """{"order":null}""", "'order', which is missing or null")]
    [InlineData(""" "queue":"payments" """, "5", "'order', which is missing or null")]
    [InlineData(""" "queue":"payments" """, """{"order":""}""", "ordering key")]
    public async Task What_cannot_be_enqueued_is_an_error(string action, string data, string expected)
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var worker = await engine.ConnectAsync();
        await worker.SendCallAsync("i", "f", data, $$""","action":{"type":"enqueue",{{action}}}""");
        var error = (await worker.ResultAsync("i")).GetProperty("error");
        Assert.Equal("enqueue_error", error.GetProperty("code").GetString());
        Assert.Contains(expected, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Engine_without_queues_says_so()
    {
        await using var engine = await TestEngine.StartAsync();
        await using var worker = await engine.ConnectAsync();
        var error = (await worker.EnqueueCallAsync("default", "f", "{}")).GetProperty("error");
        Assert.Equal("enqueue_error", error.GetProperty("code").GetString());
        Assert.Contains("modules::queue::QueueModule", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fifo_queue_keeps_the_jobs_of_a_group_in_order_and_counts_retries_after_the_first()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("f");
        await producer.EnqueueCallAsync("payments", "f", """{"order":7,"n":1}""");
        await producer.EnqueueCallAsync("payments", "f", """{"order":7,"n":2}""");
        Assert.Equal(1, (await consumer.FailAsync("f")).GetProperty("data").GetProperty("n").GetInt32());
        Assert.Equal(1, (await consumer.FailAsync("f")).GetProperty("data").GetProperty("n").GetInt32());
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetProperty("n").GetInt32());
        await producer.WaitForStatsAsync("payments", "dlq_depth", 1);
        Assert.Equal("f", Assert.Single(await producer.DeadLettersAsync("payments")).GetProperty("function_id").GetString());
    }

    [Fact]
    public async Task Fifo_queue_without_a_group_field_runs_one_job_at_a_time()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("f");
        await producer.EnqueueCallAsync("strict", "f", "1");
        await producer.EnqueueCallAsync("strict", "f", "2");
        var first = await consumer.NextCallAsync("f");
        Assert.Empty(await consumer.BarrierAsync());
        await consumer.AnswerAsync(first);
        Assert.Equal(2, (await consumer.HandleAsync("f")).GetInt32());
    }

    [Fact]
    public async Task Priority_is_taken_from_the_input()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        foreach (var data in new[] { """{"n":1}""", """{"n":2,"p":"high"}""", """{"n":3,"p":20}""", """{"n":4,"p":5000}""" })
        {
            Assert.True((await producer.EnqueueCallAsync("urgent", "f", data)).TryGetProperty("result", out _));
        }

        await consumer.RegisterAsync("f");
        foreach (var n in new[] { 4, 3, 1, 2 })
        {
            Assert.Equal(n, (await consumer.HandleAsync("f")).GetProperty("n").GetInt32());
        }
    }

    [Fact]
    public async Task Job_waits_for_its_function_without_using_up_its_attempts()
    {
        await using var engine = await TestEngine.StartAsync(queue: Options);
        await using var consumer = await engine.ConnectAsync();
        await using var producer = await engine.ConnectAsync();
        await consumer.RegisterAsync("other");
        await producer.EnqueueCallAsync("default", "f", "1");
        await producer.EnqueueCallAsync("default", "other", "2");
        Assert.Equal(2, (await consumer.HandleAsync("other")).GetInt32());
        await consumer.RegisterAsync("f");
        Assert.Equal(1, (await consumer.NextCallAsync("f")).GetProperty("metadata").GetProperty("attempt").GetInt32());
    }

    [Fact]
    public async Task Message_that_names_no_function_is_a_dead_letter()
    {
        await using var broker = new MemoryQueueBroker(new MemoryWorld());
        await using var engine = await TestEngine.StartAsync(queue: Options, queues: broker);
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("f");
        await broker.EnqueueAsync("queue:default", new QueueMessage("1"u8.ToArray()), cancellationToken: TestContext.Current.CancellationToken);
        await worker.WaitForStatsAsync("default", "dlq_depth", 1);
        Assert.Equal("malformed_job", Assert.Single(await worker.DeadLettersAsync("default")).GetProperty("error_code").GetString());
    }
}
