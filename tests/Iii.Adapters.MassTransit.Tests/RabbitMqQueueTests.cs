using System.Text;
using Iii.Adapters.MassTransit.Tests.Support;
using Iii.Broker;
using Iii.Broker.Specs;
using RabbitMQ.Client;

namespace Iii.Adapters.MassTransit.Tests;

/// <summary>What the contract leaves to the adapter, over a real RabbitMQ.</summary>
public sealed class RabbitMqQueueTests(SharedServer shared) : IAsyncDisposable
{
    private const string Queue = "jobs";
    private readonly World _world = new(shared.Server);

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_retry_is_never_early_and_occupies_no_handler()
    {
        var broker = (await _world.OpenAsync()).Broker;
        var delay = TimeSpan.FromMilliseconds(1_370); // several steps
        var start = TimeProvider.System.GetTimestamp();
        var seen = new Recorder<(string Text, int Attempt, TimeSpan At)>();
        await using var consumer = await broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            var text = Encoding.UTF8.GetString(delivery.Payload.Span);
            seen.Add((text, delivery.Attempt, TimeProvider.System.GetElapsedTime(start)));
            return ValueTask.FromResult(text == "slow" && delivery.Attempt == 1 ? QueueVerdict.RetryAfter(delay) : QueueVerdict.Ack);
        });
        await broker.EnqueueAsync(Queue, new QueueMessage("slow"u8.ToArray()));
        for (var i = 0; i < 20; i++)
        {
            await broker.EnqueueAsync(Queue, new QueueMessage("quick"u8.ToArray()));
        }

        var all = await seen.WaitForAsync(22);
        Assert.Equal(("slow", 2), (all[^1].Text, all[^1].Attempt));
        Assert.True(all[^1].At - all.First(each => each.Text == "slow").At >= delay - TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task A_job_that_waits_for_its_next_attempt_outlives_the_instance()
    {
        var first = await _world.OpenAsync();
        var attempts = new Recorder<int>();
        QueueHandler handler = (delivery, _) =>
        {
            attempts.Add(delivery.Attempt);
            return ValueTask.FromResult(delivery.Attempt == 1 ? QueueVerdict.RetryAfter(TimeSpan.FromSeconds(1), new AttemptFailure("boom", "b")) : QueueVerdict.Ack);
        };
        await using var consumer = await first.Broker.ConsumeAsync(new QueueSubscription(Queue), handler);
        await first.Broker.EnqueueAsync(Queue, new QueueMessage("1"u8.ToArray()));
        await Eventually.HoldsAsync("the job waits", async () => (await CountAsync($"iii:{_world.Cluster}:.wait_500")) > 0 || (await CountAsync($"iii:{_world.Cluster}:.wait_1000")) > 0 || attempts.Items.Count > 1);
        first.Proxy.Cut();

        await using var next = await (await _world.OpenAsync()).Broker.ConsumeAsync(new QueueSubscription(Queue), handler);
        Assert.Equal([1, 2], await attempts.WaitForAsync(2));
    }

    [Fact]
    public async Task A_long_history_fits_into_the_headers_and_keeps_its_codes()
    {
        var broker = (await _world.OpenAsync()).Broker;
        var histories = new Recorder<IReadOnlyList<AttemptRecord>>();
        await using var consumer = await broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            if (delivery.Attempt > 40)
            {
                histories.Add(delivery.Failures);
                return ValueTask.FromResult(QueueVerdict.Ack);
            }

            return ValueTask.FromResult(QueueVerdict.RetryAfter(TimeSpan.Zero, new AttemptFailure($"c{delivery.Attempt}", new string('日', 4_096)) { Worker = "w" }));
        });
        var headers = new Dictionary<string, string> { ["k"] = new('\u0001', BrokerLimits.MaxHeaderBytes - 1) };
        await broker.EnqueueAsync(Queue, new QueueMessage("1"u8.ToArray()) { Headers = headers });

        var failures = (await histories.WaitForAsync(1))[0];
        Assert.Equal(Enumerable.Range(9, 32).Select(i => $"c{i}"), failures.Select(failure => failure.Failure.Code));
        Assert.Equal(4_096, failures[^1].Failure.Message.Length);
        Assert.Equal("", failures[0].Failure.Message);
    }

    [Fact]
    public async Task A_dead_letter_carries_the_payload_and_the_headers_of_MassTransit()
    {
        var broker = (await _world.OpenAsync()).Broker;
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription(Queue), static (_, _) => ValueTask.FromResult(QueueVerdict.DeadLetter(new AttemptFailure("boom", "It failed."))));
        var receipt = await broker.EnqueueAsync(Queue, new QueueMessage("{ }"u8.ToArray()));

        await using var connection = await new ConnectionFactory { Uri = new Uri(shared.Server.Url) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        BasicGetResult? dead = null;
        await Eventually.HoldsAsync("there is a dead letter", async () =>
            (dead = await channel.BasicGetAsync($"iii:{_world.Cluster}:{Queue}..default_error", autoAck: true)) is not null);

        Assert.Equal("{ }", Encoding.UTF8.GetString(dead!.Body.Span));
        Assert.Equal("application/json", dead.BasicProperties.ContentType);
        Assert.Equal(Guid.Parse(receipt.MessageId), Guid.Parse(dead.BasicProperties.MessageId!));
        Assert.Equal(["fault", "boom", "It failed.", "0"], ((string[])["MT-Reason", "MT-Fault-ExceptionType", "MT-Fault-Message", "MT-Fault-RetryCount"])
            .Select(name => Encoding.UTF8.GetString((byte[])dead.BasicProperties.Headers![name]!)));
    }

    [Fact]
    public async Task Two_consumers_of_one_group_in_one_instance_compete()
    {
        var broker = (await _world.OpenAsync()).Broker;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var seen = new Recorder<string>();
        async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery, CancellationToken cancellationToken)
        {
            seen.Add(delivery.MessageId);
            await gate.Task;
            return QueueVerdict.Ack;
        }

        await using var one = await broker.ConsumeAsync(new QueueSubscription(Queue), HandleAsync);
        await using var two = await broker.ConsumeAsync(new QueueSubscription(Queue), HandleAsync);
        await broker.EnqueueAsync(Queue, new QueueMessage("1"u8.ToArray()));
        await broker.EnqueueAsync(Queue, new QueueMessage("2"u8.ToArray()));

        Assert.Equal(2, (await seen.WaitForAsync(2)).Distinct().Count());
        gate.SetResult();
    }

    [Fact]
    public async Task Consuming_and_enqueueing_go_on_when_a_lost_connection_is_back()
    {
        var instance = await _world.OpenAsync();
        var seen = new Recorder<string>();
        await using var consumer = await instance.Broker.ConsumeAsync(new QueueSubscription(Queue), (delivery, _) =>
        {
            seen.Add(Encoding.UTF8.GetString(delivery.Payload.Span));
            return ValueTask.FromResult(QueueVerdict.Ack);
        });
        await instance.Broker.EnqueueAsync(Queue, new QueueMessage("1"u8.ToArray()));
        await seen.WaitForAsync(1);

        instance.Proxy.Cut();
        instance.Proxy.Restore();
        await Eventually.HoldsAsync("a message is taken again", async () =>
        {
            try
            {
                await instance.Broker.EnqueueAsync(Queue, new QueueMessage("2"u8.ToArray()));
                return true;
            }
            catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
            {
                return false;
            }
        });

        // The first one may come once more: its acknowledgement may have been lost.
        await Eventually.HoldsAsync("the new one comes", () => seen.Items.Contains("2"));
        await using var other = await instance.Broker.ConsumeAsync(
            new QueueSubscription("another"), static (_, _) => ValueTask.FromResult(QueueVerdict.Ack));
    }

    private async Task<uint> CountAsync(string queue)
    {
        await using var connection = await new ConnectionFactory { Uri = new Uri(shared.Server.Url) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue)).MessageCount;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return 0; // it is not there yet
        }
    }
}
