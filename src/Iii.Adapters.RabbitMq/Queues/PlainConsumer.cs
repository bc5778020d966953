using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Consumes beside others, in no particular order: the broker hands out as many messages as handlers may run.</summary>
internal sealed class PlainConsumer(RabbitMqConnection connection, QueueStore store, QueueSubscription subscription, QueueHandler handler)
    : GroupConsumer(connection, store, subscription, handler)
{
    private ConsumingChannel? _channel;

    public override async Task RestoreAsync(LinkSession session, CancellationToken cancellationToken) =>
        _channel = await ConsumingChannel.OpenAsync(session, Jobs, (ushort)Subscription.Concurrency, Take, cancellationToken).ConfigureAwait(false);

    protected override Task StopTakingAsync() => _channel?.CancelAsync() ?? Task.CompletedTask;

    protected override Task CloseAsync() => _channel?.CloseAsync() ?? Task.CompletedTask;

    protected override Task SettleAsync(DeliveryRun run, QueueVerdict verdict)
    {
        switch (verdict)
        {
            case QueueVerdict.Acknowledged:
                run.Channel.Acknowledge(run.Tag);
                return Task.CompletedTask;
            case QueueVerdict.DeadLettered dead:
                return BuryAsync(run, dead.Reason);
            default:
                var retried = (QueueVerdict.Retried)verdict;
                var longest = Connection.Options.Limits.MaxDelay;
                var next = run.Record.After(run.Attempt, retried.Failure, DateTimeOffset.UtcNow);
                return ReplaceAsync(run.Channel, run.Tag, () => Store.ReturnAsync(
                    Subscription.Queue, Subscription.Group, next, retried.Delay < longest ? retried.Delay : longest));
        }
    }

    private void Take(ConsumingChannel channel, Arrival arrival)
    {
        if (Read(channel, arrival) is not { } run)
        {
            return;
        }

        run.Record = run.Record.AfterLost(LostDeliveries(arrival), DateTimeOffset.UtcNow);
        lock (Lock)
        {
            // What was on its way while the connection was lost is somebody else's, and nobody would tell its handler. What still comes
            // while the consumer ends is begun: given back, it would have lost an attempt.
            if (!channel.Session.Lost.IsCompleted)
            {
                Start(run);
            }
        }
    }
}
