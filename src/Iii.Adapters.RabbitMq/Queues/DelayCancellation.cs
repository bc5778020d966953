using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Cancels delayed messages by their ids, which say when they are due.</summary>
/// <remarks>
/// A message cannot be taken out of a queue, so a cancellation is sent after it, to the instance that will have it when it is due. Of what is
/// due soon that instance says whether it is in time. Of what is due later there is nobody to ask: the cancellation is stored, and will
/// be where the message comes to before that is due.
/// </remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class DelayCancellation(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps)
#pragma warning restore CA1001
{
    /// <summary>Each opens a channel.</summary>
    private const int MaxAtATime = 64;

    /// <summary>The broker's own, for an answer to whoever has sent a message on the same channel.</summary>
    private const string ReplyQueue = "amq.rabbitmq.reply-to";

    private static readonly byte[] Yes = [1];
    private static readonly byte[] No = [0];

    private readonly SemaphoreSlim _room = new(MaxAtATime, MaxAtATime);

    public static ReadOnlyMemory<byte> Answer(bool isCancelled) => isCancelled ? Yes : No;

    /// <summary>Whether it will not be delivered; false when it is no id of a delayed message, or due, or cancelled already as far as is known.</summary>
    /// <exception cref="BrokerException">The connection is lost, or nobody answered: it may be cancelled.</exception>
    public async Task<bool> CancelAsync(string messageId, CancellationToken cancellationToken)
    {
        if (MessageIds.DueOf(messageId) is not { } due || due <= DateTimeOffset.UtcNow)
        {
            return false;
        }

        var path = DelayPath.Of(due - DateTimeOffset.UtcNow, connection.Options.DelayLead);
        var properties = await steps.CancellationOfAsync(messageId, due, path, cancellationToken).ConfigureAwait(false);
        return path.HighestLevel < 0
            ? await AskAsync(properties, cancellationToken).ConfigureAwait(false)
            : await StoreAsync(properties, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> StoreAsync(BasicProperties properties, CancellationToken cancellationToken)
    {
        var outcome = await publisher.PublishAsync(
            connection.Names.DelayExchange, "", properties.MessageId!, ReadOnlyMemory<byte>.Empty, properties, cancellationToken).ConfigureAwait(false);
        return outcome == PublicationOutcome.Stored
            ? true
            : throw LinkErrors.Unavailable("RabbitMQ does not take the cancellation of a message at the moment. Try again.");
    }

    private async Task<bool> AskAsync(BasicProperties properties, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await using var channel = await connection.Consuming.Require().OpenProbeAsync(cancellationToken).ConfigureAwait(false);
            var answer = new Consumer(channel);
            await channel.BasicConsumeAsync(ReplyQueue, autoAck: true, answer, cancellationToken).ConfigureAwait(false);
            properties.ReplyTo = ReplyQueue;
            properties.Persistent = true;
            await channel.BasicPublishAsync(
                connection.Names.DelayExchange, "", mandatory: false, properties, ReadOnlyMemory<byte>.Empty, cancellationToken).ConfigureAwait(false);
            return await answer.IsCancelled.WaitAsync(connection.Options.OperationTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw LinkErrors.Unavailable("No instance has answered whether the message could be cancelled. It may be. Try again.");
        }
        finally
        {
            _room.Release();
        }
    }

    private sealed class Consumer(IChannel channel) : AsyncDefaultBasicConsumer(channel)
    {
        private readonly TaskCompletionSource<bool> _isCancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<bool> IsCancelled => _isCancelled.Task;

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
            _isCancelled.TrySetResult(body.Span.SequenceEqual(Yes));
            return Task.CompletedTask;
        }

        public override Task HandleChannelShutdownAsync(object channel, RabbitMQ.Client.Events.ShutdownEventArgs reason)
        {
            _isCancelled.TrySetException(LinkErrors.Unavailable($"The connection to RabbitMQ was lost ({LinkErrors.Describe(reason)}). The message may be cancelled."));
            return Task.CompletedTask;
        }
    }
}
