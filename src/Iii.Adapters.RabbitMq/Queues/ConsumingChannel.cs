using Iii.Adapters.RabbitMq.Connections;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>A channel that consumes one queue, with acknowledgements.</summary>
internal sealed class ConsumingChannel
{
    /// <summary>As long as the broker allows: there is no limit to a handler. Obeyed from 3.11.15 on; before, the broker's configuration counts.</summary>
    private static readonly Dictionary<string, object?> NoTimeout = new() { ["x-consumer-timeout"] = int.MaxValue };

    /// <summary>What the type of a message says that is for nobody: see <see cref="SettleAsync"/>.</summary>
    private const string Mark = "iii-mark";

    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    private readonly IChannel _channel;
    private readonly string _queue;
    private readonly Acknowledger _acknowledger;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _consumerTag = "";
    private volatile bool _isClosing;

    private ConsumingChannel(LinkSession session, IChannel channel, string queue)
    {
        (Session, _channel, _queue) = (session, channel, queue);
        _acknowledger = new Acknowledger(session, channel);
    }

    public LinkSession Session { get; }

    public static async Task<ConsumingChannel> OpenAsync(
        LinkSession session, string queue, ushort prefetch, Action<ConsumingChannel, Arrival> take, CancellationToken cancellationToken)
    {
        var channel = await session.OpenChannelAsync(new CreateChannelOptions(false, false, consumerDispatchConcurrency: 1), cancellationToken).ConfigureAwait(false);
        var consuming = new ConsumingChannel(session, channel, queue);
        try
        {
            await channel.BasicQosAsync(0, prefetch, global: false, cancellationToken).ConfigureAwait(false);
            consuming._consumerTag = await channel.BasicConsumeAsync(
                queue, autoAck: false, "", NoTimeout, new Consumer(consuming, channel, take), cancellationToken).ConfigureAwait(false);
            return consuming;
        }
        catch
        {
            // The broker may have the consumer all the same.
            await consuming.AbandonAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The message is dealt with. It is sent soon, at the latest when the channel is closed.</summary>
    public void Acknowledge(ulong tag) => _acknowledger.Acknowledge(tag);

    /// <summary>Lets the broker deliver it again.</summary>
    public Task GiveBackAsync(ulong tag) => CallAsync(() => _acknowledger.GiveBackAsync(tag));

    /// <summary>Takes no more messages: when it completes, all that were delivered have been taken. They can still be settled.</summary>
    /// <remarks>
    /// What the broker is about to deliver when it is told to cancel, it takes back, and counts as delivered. So nothing is acknowledged
    /// meanwhile, which would make room for more, and it is cancelled when all that there was room for has come.
    /// </remarks>
    public async Task CancelAsync()
    {
        _isClosing = true;
        await CallAsync(async () =>
        {
            await _acknowledger.HoldAsync().ConfigureAwait(false);
            await SettleAsync().ConfigureAwait(false);
            await _channel.QueueDeclarePassiveAsync(_queue).ConfigureAwait(false);
            await _channel.BasicCancelAsync(_consumerTag).ConfigureAwait(false);
            await Task.WhenAny(_ended.Task, Session.Lost).ConfigureAwait(false);
            _acknowledger.Release();
        }).ConfigureAwait(false);
    }

    /// <summary>Closes the channel: what is not settled is delivered again.</summary>
    public async Task CloseAsync()
    {
        _isClosing = true;
        await CallAsync(async () =>
        {
            await SettleAsync().ConfigureAwait(false);
            await CloseChannelAsync().ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task AbandonAsync()
    {
        _isClosing = true;
        await CallAsync(CloseChannelAsync).ConfigureAwait(false);
    }

    private async Task CloseChannelAsync()
    {
        await _channel.CloseAsync().ConfigureAwait(false);
        await _channel.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// Sees to it that the queue has carried out all acknowledgements. While many are under way the broker's channel holds further ones
    /// back, and when it is closed it forgets them, so that messages would be delivered again that were handled. What is published
    /// goes through the queue's log as well: when a mark is confirmed, what was under way before it is done, and when a second one is,
    /// so is what was held back.
    /// </summary>
    private async Task SettleAsync()
    {
        await _acknowledger.FlushAsync().ConfigureAwait(false);
        using var patience = new CancellationTokenSource(SettlePatience);
        try
        {
            await using var marks = await Session.OpenChannelAsync(new CreateChannelOptions(true, true), patience.Token).ConfigureAwait(false);
            var properties = new BasicProperties { Type = Mark, Expiration = "0" };
            for (var mark = 1; mark <= 2; mark++)
            {
                // The channel answers when it has seen to all that it was told before.
                await _channel.QueueDeclarePassiveAsync(_queue, patience.Token).ConfigureAwait(false);
                await marks.BasicPublishAsync("", _queue, mandatory: false, properties, ReadOnlyMemory<byte>.Empty, patience.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is PublishException or OperationCanceledException)
        {
            // The queue is full, or has no leader. Some that were handled may be delivered again.
        }
    }

    private async Task CallAsync(Func<Task> call)
    {
        try
        {
            await call().ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            // Whatever was not settled is delivered again.
            Session.Fail($"a consumer could not be served: {exception.Message}");
        }
    }

    private sealed class Consumer(ConsumingChannel consuming, IChannel channel, Action<ConsumingChannel, Arrival> take) : AsyncDefaultBasicConsumer(channel)
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
            consuming._acknowledger.Open(deliveryTag);
            if (properties.Type == Mark)
            {
                consuming.Acknowledge(deliveryTag);
                return Task.CompletedTask;
            }

            take(consuming, new Arrival(deliveryTag, redelivered, routingKey, properties, body));
            return Task.CompletedTask;
        }

        /// <summary>It ended in one way or another, and comes behind all that was delivered.</summary>
        protected override Task OnCancelAsync(string[] consumerTags, CancellationToken cancellationToken = default)
        {
            consuming._ended.TrySetResult();
            return base.OnCancelAsync(consumerTags, cancellationToken);
        }

        /// <summary>The broker ended the consuming: somebody deleted the queue, or its leader is gone.</summary>
        public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
        {
            if (!consuming._isClosing)
            {
                consuming.Session.Fail("the broker ended a consumer of a queue");
            }

            return base.HandleBasicCancelAsync(consumerTag, cancellationToken);
        }
    }
}
