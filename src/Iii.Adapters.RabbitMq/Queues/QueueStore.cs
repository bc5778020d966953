using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Writes records to where they belong.</summary>
internal sealed class QueueStore(RabbitMqConnection connection, QueuePublisher publisher, QueueTopology topology, DelaySteps steps)
{
    /// <summary>For a queue: to all its groups.</summary>
    /// <exception cref="BrokerException">A group is full, or the connection is lost.</exception>
    public async Task EnqueueAsync(string queue, QueueRecord record, TimeSpan delay, CancellationToken cancellationToken)
    {
        var body = QueueRecordFormat.Write(record);
        if (delay > TimeSpan.Zero)
        {
            await topology.PublishDelayedAsync(queue, delay, record.MessageId, body, cancellationToken).ConfigureAwait(false);
            return;
        }

        var outcome = await topology.PublishAsync(queue, record.MessageId, body, cancellationToken).ConfigureAwait(false);
        if (outcome != PublicationOutcome.Stored)
        {
            throw new BrokerException(
                BrokerErrorCodes.LimitExceeded,
                $"The queue '{queue}' is full, or a group of it is: RabbitMQ refused the message. Wait until some have been handled.");
        }
    }

    /// <summary>For one group, now or later.</summary>
    /// <returns>False when the broker refuses it.</returns>
    /// <exception cref="BrokerException">The connection is lost.</exception>
    public async Task<bool> ReturnAsync(string queue, string group, QueueRecord record, TimeSpan delay)
    {
        var (names, body) = (connection.Names, QueueRecordFormat.Write(record));
        return delay > TimeSpan.Zero
            ? await steps.StoreAsync("", names.LaterQueue(queue, group), delay, record.MessageId, body, CancellationToken.None).ConfigureAwait(false)
            : await publisher.PublishAsync("", names.JobsQueue(queue, group), record.MessageId, body, CancellationToken.None).ConfigureAwait(false)
                == PublicationOutcome.Stored;
    }

    /// <summary>For the dead letters of a group.</summary>
    /// <inheritdoc cref="ReturnAsync"/>
    public Task<bool> BuryAsync(string queue, string group, QueueRecord record) =>
        BuryUnreadableAsync(queue, group, record.MessageId, QueueRecordFormat.Write(record));

    /// <summary>For the dead letters of a group, byte for byte.</summary>
    /// <inheritdoc cref="ReturnAsync"/>
    public async Task<bool> BuryUnreadableAsync(string queue, string group, string? messageId, ReadOnlyMemory<byte> body) =>
        await publisher.PublishAsync(
            "", connection.Names.DeadQueue(queue, group), messageId ?? Guid.CreateVersion7().ToString("N"), body, CancellationToken.None)
            .ConfigureAwait(false) == PublicationOutcome.Stored;
}
