using System.Threading.Channels;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// Reads what lies in a queue, oldest first, and keeps it unacknowledged: closing it gives back what was neither acknowledged nor
/// rejected. For a queue that nobody else reads, under a lock.
/// </summary>
internal sealed class QueueReader : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly IChannel _channel;
    private readonly string _queue;
    private readonly TimeSpan _patience;
    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private string _consumerTag = "";
    private bool _isClosed;

    private QueueReader(IChannel channel, string queue, uint count, TimeSpan patience) =>
        (_channel, _queue, Count, _patience) = (channel, queue, count, patience);

    /// <summary>How many there were at the beginning.</summary>
    public uint Count { get; }

    /// <summary>Null when there is no such queue.</summary>
    /// <param name="session">Where.</param>
    /// <param name="queue">Its name in the broker.</param>
    /// <param name="prefetch">Most messages that are read and not acknowledged.</param>
    /// <param name="patience">For one message that is known to be there.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public static async Task<QueueReader?> OpenAsync(
        LinkSession session, string queue, ushort prefetch, TimeSpan patience, CancellationToken cancellationToken)
    {
        var channel = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (await CountAllAsync(channel, queue, patience, cancellationToken).ConfigureAwait(false) is not { } count)
            {
                await channel.DisposeAsync().ConfigureAwait(false);
                return null;
            }

            var reader = new QueueReader(channel, queue, count, patience);
            if (count > 0)
            {
                await channel.BasicQosAsync(0, prefetch, global: false, cancellationToken).ConfigureAwait(false);
                reader._consumerTag = await channel.BasicConsumeAsync(
                    queue, autoAck: false, new Consumer(channel, reader._messages.Writer), cancellationToken).ConfigureAwait(false);
            }

            return reader;
        }
        catch
        {
            await channel.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Sees to it that what is said of a queue is true: when the broker has just started, its leader may say what was so at some time before,
    /// until something goes through the queue's log. Afterwards the queue may have another order.
    /// </summary>
    public static async Task CatchUpAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        await using var channel = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        if (await Probing.CountAsync(channel, queue, cancellationToken).ConfigureAwait(false) is not null)
        {
            await IsEmptyAsync(channel, queue, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The next message.</summary>
    /// <exception cref="BrokerException">It did not come in time, or the connection is lost.</exception>
    public async Task<Message> ReadAsync(CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(_patience);
        try
        {
            return await _messages.Reader.ReadAsync(bounded.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or ChannelClosedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw LinkErrors.Unavailable($"RabbitMQ did not give out what lies in '{_queue}'", exception);
        }
    }

    /// <summary>Deletes a message, by the time of <see cref="CloseAsync"/>.</summary>
    public ValueTask AckAsync(Message message) => _channel.BasicAckAsync(message.Tag, multiple: false);

    /// <summary>Has the broker move a message to where the queue's rejected messages go, likewise; it deletes it if the queue has no such place.</summary>
    public ValueTask RejectAsync(Message message) => _channel.BasicRejectAsync(message.Tag, requeue: false);

    /// <summary>
    /// Gives the rest back, and waits until the queue has carried out all that it was told: whatever becomes of this instance then, the next
    /// reader finds what is left, and nothing else. In which order it comes back is of no matter to those who read.
    /// </summary>
    /// <exception cref="BrokerException">It takes too long; some may have been carried out.</exception>
    public async Task CloseAsync()
    {
        _isClosed = true;
        if (Count > 0)
        {
            // Not by closing the channel: it may not have passed on all that it was told yet, and would forget it. The queue forgets a
            // consumer that is cancelled when it has settled all that it had delivered to it.
            await _channel.BasicCancelAsync(_consumerTag).ConfigureAwait(false);
            await _channel.BasicNackAsync(0, multiple: true, requeue: true).ConfigureAwait(false);
            await CountAllAsync(_channel, _queue, _patience, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Likewise; when the connection is lost the broker gives back by itself what it was told nothing of.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await using var channel = _channel;
            if (!_isClosed && channel.IsOpen)
            {
                await CloseAsync().ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            // Whoever wants to know has closed it.
        }
    }

    /// <summary>
    /// How many lie there, once the queue has settled what was read of it: while it has not, it lists the consumers. Null when there is no
    /// such queue.
    /// </summary>
    private static async Task<uint?> CountAllAsync(IChannel channel, string queue, TimeSpan patience, CancellationToken cancellationToken)
    {
        var timesEmpty = 0;
        for (var start = Environment.TickCount64; ; await Task.Delay(Pause, cancellationToken).ConfigureAwait(false))
        {
            var found = await Probing.CountAsync(channel, queue, cancellationToken).ConfigureAwait(false);
            if (found is null or { ConsumerCount: 0, MessageCount: > 0 })
            {
                return found?.MessageCount;
            }

            // It says the same while the queue has no leader, or one that is slow to answer. A message is asked for through the queue's log,
            // behind all that it was told by this channel; the second time also behind what the channel had held back.
            timesEmpty += found.ConsumerCount == 0 && await IsEmptyAsync(channel, queue, cancellationToken).ConfigureAwait(false) ? 1 : 0;
            if (timesEmpty == 2)
            {
                return 0;
            }

            if (Environment.TickCount64 - start > patience.TotalMilliseconds)
            {
                throw LinkErrors.Unavailable($"RabbitMQ does not settle what was read of '{queue}'");
            }
        }
    }

    /// <summary>Asks the leader of a quorum queue for a message, and gives it back.</summary>
    private static async Task<bool> IsEmptyAsync(IChannel channel, string queue, CancellationToken cancellationToken)
    {
        if (await channel.BasicGetAsync(queue, autoAck: false, cancellationToken).ConfigureAwait(false) is not { } first)
        {
            return true;
        }

        await channel.BasicNackAsync(first.DeliveryTag, multiple: false, requeue: true, cancellationToken).ConfigureAwait(false);
        return false;
    }

    /// <summary>One message, its bytes our own.</summary>
    internal sealed record Message(ulong Tag, string? MessageId, ReadOnlyMemory<byte> Body);

    private sealed class Consumer(IChannel channel, ChannelWriter<Message> messages) : AsyncDefaultBasicConsumer(channel)
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
            messages.TryWrite(new Message(deliveryTag, properties.MessageId, body.ToArray()));
            return Task.CompletedTask;
        }

        public override Task HandleChannelShutdownAsync(object channel, RabbitMQ.Client.Events.ShutdownEventArgs reason)
        {
            messages.TryComplete();
            return base.HandleChannelShutdownAsync(channel, reason);
        }
    }
}
