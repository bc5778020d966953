using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The steps that keep messages until they are due: declared when they are needed for the first time, and shared by all queues.</summary>
/// <remarks>
/// What enters has the headers of its <see cref="DelayPath"/>. It passes the steps from the highest to the lowest and comes out of the
/// exchange for what is due, with the routing key that it came with.
/// </remarks>
internal sealed class DelaySteps(RabbitMqConnection connection, QueuePublisher publisher)
{
    private const int MaxAttempts = 20;
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromMilliseconds(100);

    private readonly int _preparedLevel = DelayPath.Of(connection.Options.PreparedDelay).HighestLevel;

    /// <summary>By the highest step that was declared with those below it.</summary>
    private readonly DeclaredNames _declared = new();

    private RabbitMqNames Names => connection.Names;

    /// <summary>Declares where messages go in and come out. What has no destination any more is let go.</summary>
    public static async Task DeclareEndsAsync(IChannel channel, RabbitMqNames names, CancellationToken cancellationToken)
    {
        await channel.ExchangeDeclareAsync(names.GoneExchange, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.QueueDeclareAsync(
            names.GoneQueue,
            durable: true,
            exclusive: false,
            autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = 0 },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.QueueBindAsync(names.GoneQueue, names.GoneExchange, "", cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(
            names.DueExchange,
            ExchangeType.Topic,
            durable: true,
            arguments: new Dictionary<string, object?> { ["alternate-exchange"] = names.GoneExchange },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(names.DelayExchange, ExchangeType.Headers, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The arguments of a queue that hands all on, when the next queue has confirmed it.</summary>
    /// <param name="timeToLive">How long a message stays, in milliseconds.</param>
    /// <param name="next">The exchange behind it.</param>
    public static Dictionary<string, object?> PassingArguments(long timeToLive, string next) => new()
    {
        ["x-message-ttl"] = timeToLive,
        ["x-dead-letter-exchange"] = next,
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
        ["x-delivery-limit"] = int.MaxValue,
    };

    /// <summary>Publishes a message to what leads into the steps.</summary>
    /// <param name="exchange">What leads into the steps.</param>
    /// <param name="routingKey">Likewise.</param>
    /// <param name="delay">More than zero.</param>
    /// <param name="messageId">Its id.</param>
    /// <param name="body">Its bytes.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="BrokerException">The connection is lost or was lost meanwhile: it may be stored.</exception>
    public async Task<PublicationOutcome> PublishAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var path = DelayPath.Of(delay);
        await EnsureAsync(path.HighestLevel, cancellationToken).ConfigureAwait(false);
        return await publisher.PublishAsync(exchange, routingKey, messageId, body, path.Headers(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Likewise to what leads into the steps by way of one queue, which takes it sooner or later.</summary>
    /// <returns>Whether that is there.</returns>
    /// <inheritdoc cref="PublishAsync"/>
    public async Task<bool> StoreAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            // It is never full. It refuses while it has no leader, which it gets within moments.
            var outcome = await PublishAsync(exchange, routingKey, delay, messageId, body, cancellationToken).ConfigureAwait(false);
            if (outcome != PublicationOutcome.Refused)
            {
                return outcome == PublicationOutcome.Stored;
            }

            if (attempt == MaxAttempts)
            {
                throw LinkErrors.Unavailable($"RabbitMQ does not take messages for '{exchange}/{routingKey}', which leads to delays, at the moment.");
            }

            await Task.Delay(PauseBetweenAttempts, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask EnsureAsync(int highestLevel, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        var highest = Math.Max(highestLevel, _preparedLevel);
        if (!_declared.IsKnown(Names.DelayStep(highest), session))
        {
            await _declared.DeclareAsync(Names.DelayStep(highest), session, () => DeclareUpToAsync(session, highest, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    private async Task DeclareUpToAsync(LinkSession session, int highest, CancellationToken cancellationToken)
    {
        for (var level = 0; level <= highest; level++)
        {
            await DeclareAsync(session, level, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task DeclareAsync(LinkSession session, int level, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        if (level == 0)
        {
            await DeclareEndsAsync(probe, Names, cancellationToken).ConfigureAwait(false);
        }

        // From the last queue to the first: each needs the exchange behind it.
        var next = level == 0 ? Names.DueExchange : Names.DelayStep(level - 1);
        var behind = next;
        for (var stage = DelayPath.Stages(level); stage > 0; stage--)
        {
            var step = stage == 1 ? Names.DelayStep(level) : Names.DelayStage(level, stage);
            await probe.ExchangeDeclareAsync(step, ExchangeType.Headers, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            var timeToLive = (long)(DelayPath.Duration(level) / DelayPath.Stages(level)).TotalMilliseconds;
            await Probing.DeclareQuorumAsync(session, step, PassingArguments(timeToLive, behind), cancellationToken).ConfigureAwait(false);
            await probe.QueueBindAsync(step, step, "", DelayPath.Binding(level, passes: true), cancellationToken: cancellationToken).ConfigureAwait(false);
            behind = step;
        }

        await probe.ExchangeBindAsync(
            next, Names.DelayStep(level), "", DelayPath.Binding(level, passes: false), cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.ExchangeBindAsync(
            Names.DelayStep(level), Names.DelayExchange, "", DelayPath.BindingOfFirst(level), cancellationToken: cancellationToken).ConfigureAwait(false);
    }
}
