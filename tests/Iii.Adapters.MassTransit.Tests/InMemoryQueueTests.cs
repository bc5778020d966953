using Iii.Broker;
using Iii.Broker.Specs;

namespace Iii.Adapters.MassTransit.Tests;

public sealed class InMemoryQueueTests
{
    [Fact]
    public async Task A_consumer_keeps_nothing_of_jobs_that_are_done()
    {
        const int Jobs = 50;
        await using var broker = await MassTransitQueueBroker.ConnectAsync(
            new MassTransitBrokerOptions { Url = $"loopback://localhost/{Guid.NewGuid():N}" }, cancellationToken: TestContext.Current.CancellationToken);
        var handled = new Recorder<WeakReference>();
        await using var consumer = await broker.ConsumeAsync(
            new QueueSubscription("q"),
            (_, lost) =>
            {
                handled.Add(StayWith(lost));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            TestContext.Current.CancellationToken);
        for (var i = 0; i < Jobs; i++)
        {
            await broker.EnqueueAsync("q", new QueueMessage("1"u8.ToArray()), cancellationToken: TestContext.Current.CancellationToken);
        }

        await handled.WaitForAsync(Jobs);
        await Eventually.HoldsAsync("all but what a thread may still hold are gone", () =>
        {
            GC.Collect();
            return handled.Items.Count(static job => job.IsAlive) < Jobs / 10;
        });
    }

    /// <summary>Makes something that lives as long as the source of a token does.</summary>
    private static WeakReference StayWith(CancellationToken token)
    {
        var companion = new object();
        token.Register(static _ => { }, companion);
        return new WeakReference(companion);
    }
}
