using System.Text;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The way of a message through its delay, which all queues share.</summary>
/// <remarks>
/// What enters has the headers of its <see cref="DelayPath"/>. It passes the steps of that from the highest to the lowest, which are declared when
/// they are needed for the first time, and comes to a queue of what is due soon. There <see cref="DelayKeeper"/> takes it, and publishes it to
/// the exchange for what is due, with the routing key that it came with.
/// </remarks>
internal sealed class DelaySteps(RabbitMqConnection connection, QueuePublisher publisher)
{
    /// <summary>How many queues share what is due soon.</summary>
    public const int Shards = 2;

    private const string Due = "iii-due";
    private const string Shard = "iii-shard";

    /// <summary>Says of a message for all groups of a queue with which routing key it comes to the way into a delay of each, when it is due.</summary>
    private const string Groups = "iii-groups";

    /// <summary>What the type of a message says that is no message, but cancels one.</summary>
    private const string Cancellation = "iii-cancel";
    private const int MaxAttempts = 20;
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromMilliseconds(100);

    private readonly int _preparedLevel = DelayPath.Of(connection.Options.PreparedDelay, connection.Options.DelayLead).HighestLevel;

    /// <summary>By the highest step that was declared with those below it.</summary>
    private readonly DeclaredNames _declared = new();

    /// <summary>The queues whose ways into a delay are bound to what is due.</summary>
    private readonly DeclaredNames _bound = new();

    private RabbitMqNames Names => connection.Names;

    /// <summary>When a message is due, by its headers; one that does not say is due now.</summary>
    public static DateTimeOffset DueOf(IReadOnlyBasicProperties properties) =>
        properties.Headers is { } headers && headers.TryGetValue(Due, out var due) && due is long milliseconds
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : DateTimeOffset.UtcNow;

    /// <summary>With which routing key a message that is due comes to each group of its queue by itself; null when it is for one group.</summary>
    public static string? GroupsOf(IReadOnlyBasicProperties properties) =>
        properties.Headers is { } headers && headers.TryGetValue(Groups, out var groups) && groups is byte[] text ? Encoding.UTF8.GetString(text) : null;

    public static bool IsCancellation(IReadOnlyBasicProperties properties) => properties.Type == Cancellation;

    /// <summary>Whether a message had a far part.</summary>
    public static bool HasPassedSteps(IReadOnlyBasicProperties properties) => properties.Headers is { } headers && DelayPath.HasSteps(headers);

    /// <summary>Declares where messages go in and come out, and where those are that are due soon. What has no destination any more is let go.</summary>
    public async Task DeclareEndsAsync(LinkSession session, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.ExchangeDeclareAsync(Names.GoneExchange, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueDeclareAsync(
            Names.GoneQueue,
            durable: true,
            exclusive: false,
            autoDelete: false,
            new Dictionary<string, object?> { ["x-max-length"] = 0 },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueBindAsync(Names.GoneQueue, Names.GoneExchange, "", cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.ExchangeDeclareAsync(
            Names.DueExchange,
            ExchangeType.Direct,
            durable: true,
            arguments: new Dictionary<string, object?> { ["alternate-exchange"] = Names.GoneExchange },
            cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.ExchangeDeclareAsync(Names.NearExchange, ExchangeType.Headers, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        for (var shard = 0; shard < Shards; shard++)
        {
            var arguments = new Dictionary<string, object?> { ["x-single-active-consumer"] = true, ["x-delivery-limit"] = int.MaxValue };
            await Probing.DeclareQuorumAsync(session, Names.NearQueue(shard), arguments, cancellationToken).ConfigureAwait(false);
            var binding = new Dictionary<string, object?> { ["x-match"] = "all", [Shard] = shard };
            await probe.QueueBindAsync(Names.NearQueue(shard), Names.NearExchange, "", binding, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        await probe.ExchangeDeclareAsync(Names.DelayExchange, ExchangeType.Headers, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.ExchangeBindAsync(
            Names.NearExchange, Names.DelayExchange, "", DelayPath.BindingOfFirst(-1), cancellationToken: cancellationToken).ConfigureAwait(false);
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
    public Task<PublicationOutcome> PublishAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        PublishAsync(exchange, routingKey, delay, messageId, body, groups: null, cancellationToken);

    /// <summary>Publishes a message that is due at a time and passes certain steps before, with its <see cref="GroupsOf"/>.</summary>
    /// <inheritdoc cref="PublishAsync(string, string, TimeSpan, string, ReadOnlyMemory{byte}, CancellationToken)"/>
    public async Task<PublicationOutcome> PublishAsync(
        string exchange,
        string routingKey,
        DelayPath path,
        DateTimeOffset due,
        string messageId,
        ReadOnlyMemory<byte> body,
        string? groups,
        CancellationToken cancellationToken)
    {
        await EnsureAsync(path.HighestLevel, cancellationToken).ConfigureAwait(false);
        var headers = Headers(path, due, messageId);
        if (groups is not null)
        {
            headers[Groups] = groups;
        }

        var properties = new BasicProperties { Headers = headers };
        return await publisher.PublishAsync(exchange, routingKey, messageId, body, properties, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The properties of a message that cancels another. It takes the way that the other would take if it were enqueued now.</summary>
    /// <param name="messageId">The id of the other.</param>
    /// <param name="due">When that is due.</param>
    /// <param name="path">The steps that are still before it.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<BasicProperties> CancellationOfAsync(string messageId, DateTimeOffset due, DelayPath path, CancellationToken cancellationToken)
    {
        await EnsureAsync(path.HighestLevel, cancellationToken).ConfigureAwait(false);
        return new BasicProperties { Type = Cancellation, MessageId = messageId, Headers = Headers(path, due, messageId) };
    }

    /// <summary>Likewise to what leads into the steps by way of one queue, which takes it sooner or later.</summary>
    /// <returns>Whether that is there.</returns>
    /// <inheritdoc cref="PublishAsync(string, string, TimeSpan, string, ReadOnlyMemory{byte}, CancellationToken)"/>
    public Task<bool> StoreAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        StoreAsync(exchange, routingKey, delay, messageId, body, groups: null, cancellationToken);

    /// <summary>Likewise for the groups that a queue will have when the message is due, and for what holds messages if it has none.</summary>
    /// <inheritdoc cref="StoreAsync(string, string, TimeSpan, string, ReadOnlyMemory{byte}, CancellationToken)"/>
    public async Task<bool> StoreForQueueAsync(
        string queue, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        var (later, groups) = (Names.LaterExchange(queue), RabbitMqNames.Destination(Names.LaterExchange(queue)));
        if (!_bound.IsKnown(queue, session))
        {
            await _bound.DeclareAsync(queue, session, () => BindAsync(session, later, groups, cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        var destination = RabbitMqNames.Destination(Names.QueueExchange(queue));
        return await StoreAsync(Names.DelayExchange, destination, delay, messageId, body, groups, cancellationToken).ConfigureAwait(false);
    }

    private Task<PublicationOutcome> PublishAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, string? groups, CancellationToken cancellationToken)
    {
        var path = DelayPath.Of(delay, connection.Options.DelayLead);
        return PublishAsync(exchange, routingKey, path, DateTimeOffset.UtcNow + delay, messageId, body, groups, cancellationToken);
    }

    private async Task<bool> StoreAsync(
        string exchange, string routingKey, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, string? groups, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            // It is never full. It refuses while it has no leader, which it gets within moments.
            var outcome = await PublishAsync(exchange, routingKey, delay, messageId, body, groups, cancellationToken).ConfigureAwait(false);
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

    private static Dictionary<string, object?> Headers(DelayPath path, DateTimeOffset due, string messageId)
    {
        var headers = new Dictionary<string, object?> { [Due] = UnixMilliseconds(due), [Shard] = ShardOf(messageId) };
        path.WriteTo(headers);
        return headers;
    }

    /// <summary>Rounded up.</summary>
    private static long UnixMilliseconds(DateTimeOffset time) =>
        (time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;

    /// <summary>The same on every instance.</summary>
    private static int ShardOf(string messageId)
    {
        var hash = 17u;
        foreach (var character in messageId)
        {
            hash = (hash * 31) + character;
        }

        return (int)(hash % Shards);
    }

    private async Task BindAsync(LinkSession session, string later, string groups, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.ExchangeBindAsync(later, Names.DueExchange, groups, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask EnsureAsync(int highestLevel, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        var highest = Math.Max(highestLevel, _preparedLevel);
        if (highest >= 0 && !_declared.IsKnown(Names.DelayStep(highest), session))
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
        // From the last queue to the first: each needs the exchange behind it.
        var next = level == 0 ? Names.NearExchange : Names.DelayStep(level - 1);
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
