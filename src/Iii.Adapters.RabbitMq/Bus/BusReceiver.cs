using System.Collections.Concurrent;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>
/// All subscriptions of one bus object: one queue, which lives and dies with the consuming session, bound once per subject.
/// </summary>
/// <remarks>
/// Each session has a queue with a fresh name of the broker's choice. The last one may still be there, locked to a connection that
/// the broker has not yet found dead; it goes when that is found out.
/// </remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class BusReceiver(RabbitMqConnection connection) : ILinkUser
#pragma warning restore CA1001
{
    private static readonly CreateChannelOptions InOrder = new(false, false, consumerDispatchConcurrency: 1);

    /// <summary>Held while bindings change, so that they agree with the table.</summary>
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>The consumer reads arrays that never change, and does not lock.</summary>
    private readonly ConcurrentDictionary<string, BusSubscription[]> _bySubject = new(StringComparer.Ordinal);
    private LinkSession? _session;
    private IChannel? _channel;
    private string _queue = "";
    private int _count;
    private bool _isClosed;

    /// <summary>Starts a subscription; it is bound when the task completes.</summary>
    public async Task AddAsync(BusSubscription subscription, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(RabbitMqMessageBus));
            var limit = connection.Options.Limits.MaxNames;
            if (_count >= limit)
            {
                throw new BrokerException(
                    BrokerErrorCodes.LimitExceeded, $"The bus has {_count} subscriptions; no more are allowed. Dispose some.");
            }

            // In the table first: a frame may come as soon as the subject is bound.
            var before = Find(subscription.Subject);
            _bySubject[subscription.Subject] = [.. before, subscription];
            try
            {
                connection.Consuming.Require();
                if (before.Length == 0)
                {
                    await CallAsync("subscribe", channel =>
                        channel.QueueBindAsync(_queue, connection.Names.BusExchange, subscription.Subject)).ConfigureAwait(false);
                }

                _count++;
            }
            catch
            {
                Remove(subscription);
                throw;
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends a subscription: no frame is offered to it any more, and nobody listens if it was the last of its subject.</summary>
    public async Task RemoveAsync(BusSubscription subscription)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            _count--;
            if (Remove(subscription) && _channel is not null)
            {
                await CallAsync("unsubscribe", channel =>
                    channel.QueueUnbindAsync(_queue, connection.Names.BusExchange, subscription.Subject)).ConfigureAwait(false);
            }
        }
        catch (BrokerException)
        {
            // The session is over, and its queue with all bindings; the next one binds what is in the table.
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task RestoreAsync(LinkSession session, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var exchange = connection.Names.BusExchange;
            var channel = await session.OpenChannelAsync(InOrder, cancellationToken).ConfigureAwait(false);
            await channel.ExchangeDeclareAsync(exchange, ExchangeType.Direct, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            var queue = await channel.QueueDeclareAsync(
                "", durable: false, exclusive: true, autoDelete: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (var (subject, subscriptions) in _bySubject)
            {
                Array.ForEach(subscriptions, subscription => subscription.MarkGap());

                // Without waiting for each: the consume that follows is answered after all of them.
                await channel.QueueBindAsync(queue.QueueName, exchange, subject, noWait: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            }

            await channel.BasicConsumeAsync(
                queue.QueueName, autoAck: true, new Consumer(this, session, channel), cancellationToken).ConfigureAwait(false);
            (_session, _channel, _queue) = (session, channel, queue.QueueName);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void OnLost(BrokerException why) => _channel = null;

    /// <summary>Ends all subscriptions, then the channel, and with it the queue.</summary>
    public async Task CloseAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        _isClosed = true;
        _gate.Release();
        var subscriptions = _bySubject.Values.SelectMany(each => each);
        await Task.WhenAll(subscriptions.Select(subscription => subscription.DisposeAsync().AsTask())).ConfigureAwait(false);
        try
        {
            if (_channel is not null)
            {
                await CallAsync("close", channel => channel.CloseAsync()).ConfigureAwait(false);
            }
        }
        catch (BrokerException)
        {
            // The session is over, and the channel with it.
        }
    }

    /// <summary>One question to the broker. Its wait is bounded by the channel; an unanswered one leaves the channel unusable.</summary>
    private async Task CallAsync(string what, Func<IChannel, Task> call)
    {
        var session = _session;
        try
        {
            await call(_channel ?? throw LinkErrors.Unavailable("The connection to RabbitMQ is lost.")).ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            session?.Fail($"it did not {what}: {exception.Message}");
            throw LinkErrors.Unavailable($"RabbitMQ did not {what}", exception);
        }
    }

    private BusSubscription[] Find(string subject) => _bySubject.TryGetValue(subject, out var found) ? found : [];

    /// <summary>Whether it was the last of its subject.</summary>
    private bool Remove(BusSubscription subscription)
    {
        var remaining = Find(subscription.Subject).Where(other => other != subscription).ToArray();
        if (remaining.Length > 0)
        {
            _bySubject[subscription.Subject] = remaining;
            return false;
        }

        _bySubject.TryRemove(subscription.Subject, out _);
        return true;
    }

    private void Take(string subject, ReadOnlyMemory<byte> body)
    {
        var subscriptions = Find(subject);
        if (subscriptions.Length == 0)
        {
            return;
        }

        // The body is lent; one copy serves all frames and all subscriptions.
        if (!BusBatchReader.TryOpen(body.ToArray(), out var reader))
        {
            connection.Logger.UnreadableBatch(subject, body.Length);
            Array.ForEach(subscriptions, subscription => subscription.MarkGap());
            return;
        }

        while (reader.TryRead(out var frame))
        {
            foreach (var subscription in subscriptions)
            {
                subscription.Offer(frame);
            }
        }
    }

    private sealed class Consumer(BusReceiver receiver, LinkSession session, IChannel channel) : AsyncDefaultBasicConsumer(channel)
    {
        public override Task HandleBasicDeliverAsync(
            string consumerTag,
            ulong deliveryTag,
            bool redelivered,
            string exchange,
            string routingKey,
            IReadOnlyBasicProperties properties,
            ReadOnlyMemory<byte> body,
            CancellationToken cancellationToken = default)
        {
            receiver.Take(routingKey, body);
            return Task.CompletedTask;
        }

        /// <summary>The broker ended the consuming: somebody deleted the queue, or a node of the cluster is gone.</summary>
        public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
        {
            session.Fail("the broker ended the consumer of the bus");
            return base.HandleBasicCancelAsync(consumerTag, cancellationToken);
        }
    }
}
