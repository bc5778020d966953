using Iii.Broker;
using Iii.Engine.Modules.Queue;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class GatedConsumerTests
{
    private readonly HeldSource _source = new();
    private int _freed;

    [Fact]
    public async Task Delivery_beyond_the_concurrency_waits_until_a_job_has_ended()
    {
        var consumer = Make(1);
        var first = HandleAsync(consumer, "1");
        var second = HandleAsync(consumer, "2");
        Assert.Equal(["1"], _source.Running);
        _source.End("1");
        Assert.Same(QueueVerdict.Ack, await first);
        await _source.WaitForAsync("2");
        _source.End("2");
        Assert.Same(QueueVerdict.Ack, await second);
        Assert.Equal(0, _freed);
    }

    [Fact]
    public async Task Stopping_gives_back_what_waits_and_what_still_comes_and_holds_the_places_of_what_runs()
    {
        var consumer = Make(2);
        var running = new[] { HandleAsync(consumer, "1"), HandleAsync(consumer, "2") };
        var waiting = HandleAsync(consumer, "3");
        consumer.Stop();
        Assert.Equal(QueueVerdict.RetryAfter(TimeSpan.Zero), await waiting);
        Assert.Equal(QueueVerdict.RetryAfter(TimeSpan.Zero), await HandleAsync(consumer, "4"));
        Assert.Equal(2, consumer.Places);
        _source.End("1");
        await running[0];
        Assert.Equal((1, 1), (consumer.Places, _freed));
        _source.End("2");
        await running[1];
        Assert.Equal((0, 2), (consumer.Places, _freed));
    }

    [Fact]
    public async Task Delivery_that_the_broker_gave_to_another_waits_no_longer_and_takes_no_place()
    {
        var consumer = Make(1);
        using var lost = new CancellationTokenSource();
        var first = HandleAsync(consumer, "1");
        var second = HandleAsync(consumer, "2", lost.Token);
        var third = HandleAsync(consumer, "3");
        await lost.CancelAsync();
        Assert.Equal(QueueVerdict.RetryAfter(TimeSpan.Zero), await second);
        _source.End("1");
        await first;
        await _source.WaitForAsync("3");
        _source.End("3");
        await third;
    }

    [Fact]
    public async Task Without_a_gate_all_that_comes_is_handled_and_counted()
    {
        var consumer = Make(1, isGated: false);
        var running = new[] { HandleAsync(consumer, "1"), HandleAsync(consumer, "2") };
        consumer.Stop();
        var late = HandleAsync(consumer, "3");
        Assert.Equal(["1", "2", "3"], _source.Running);
        Assert.Equal(3, consumer.Places);
        _source.End("1");
        _source.End("2");
        _source.End("3");
        await Task.WhenAll([.. running, late]);
        Assert.Equal(0, consumer.Places);
    }

    private GatedConsumer Make(int concurrency, bool isGated = true) =>
        new(_source, new QueueSubscription("q") { Concurrency = concurrency }, isGated, () => Interlocked.Increment(ref _freed));

    private static Task<QueueVerdict> HandleAsync(GatedConsumer consumer, string id, CancellationToken lost = default) =>
        consumer.HandleAsync(new QueueDelivery { Queue = "q", Group = "g", MessageId = id, Payload = default, Attempt = 1, EnqueuedAt = default, Headers = new Dictionary<string, string>() }, lost).AsTask();

    /// <summary>Handles until it is told to end.</summary>
    private sealed class HeldSource() : JobSource("q", "g")
    {
        private readonly Dictionary<string, TaskCompletionSource<QueueVerdict>> _jobs = [];
        private readonly Lock _lock = new();

        public override int? ClusterConcurrency => null;

        public override QueueSubscription? Wanted => null;

        public string[] Running
        {
            get
            {
                lock (_lock)
                {
                    return [.. _jobs.Keys.Order()];
                }
            }
        }

        public override async ValueTask<QueueVerdict> HandleAsync(QueueDelivery delivery)
        {
            var job = new TaskCompletionSource<QueueVerdict>();
            lock (_lock)
            {
                _jobs.Add(delivery.MessageId, job);
            }

            return await job.Task;
        }

        public Task WaitForAsync(string id) => Support.Eventually.TrueAsync(() => Running.Contains(id));

        public void End(string id)
        {
            TaskCompletionSource<QueueVerdict>? job;
            lock (_lock)
            {
                Assert.True(_jobs.Remove(id, out job), $"{id} runs");
            }

            job.SetResult(QueueVerdict.Ack);
        }
    }
}
