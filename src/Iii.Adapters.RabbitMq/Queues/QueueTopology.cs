using System.Collections.Concurrent;
using System.Text;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Declares, binds and deletes what queues are made of in the broker.</summary>
/// <remarks>
/// A queue is a fanout exchange. A group is a quorum queue bound to it, and one for its dead letters. While a queue has no group,
/// its messages take the exchange's alternate, to a quorum queue that nobody consumes; the first group that is bound takes over what
/// lies there. That queue is only made when it is needed for the first time, and stays: what was routed to it just before a group
/// was bound may still be on its way. A queue is never deleted, and each has a message in the register, by which they are counted.
/// </remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class QueueTopology(RabbitMqConnection connection, QueuePublisher publisher)
#pragma warning restore CA1001
{
    /// <summary>Messages that are moved at the same time.</summary>
    private const ushort MoveWindow = 256;

    /// <summary>Queues that are remembered as declared; beyond it all are forgotten and declared again when they are used.</summary>
    private const int MaxKnownQueues = 10_000;

    private const int MaxDelayAttempts = 20;
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<string, LinkSession> _knownExchanges = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, LinkSession> _knownHolders = new(StringComparer.Ordinal);

    /// <summary>Held by whoever declares what others wait for as well.</summary>
    private readonly SemaphoreSlim _gate = new(1, 1);
    private KnownSteps? _knownSteps;

    private RabbitMqNames Names => connection.Names;

    private TimeSpan Patience => connection.Options.OperationTimeout;

    private IDictionary<string, object?> StoreArguments => new Dictionary<string, object?>
    {
        ["x-max-length"] = connection.Options.Limits.MaxQueueLength,
        ["x-overflow"] = "reject-publish",

        // Attempts are counted above the seam; from version 4 on the broker would drop a message after 20.
        ["x-delivery-limit"] = int.MaxValue,
    };

    /// <summary>Publishes a message to all groups of a queue, or into the queue that holds it for the first one.</summary>
    public async Task<PublicationOutcome> PublishAsync(string queue, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        await EnsureExchangeAsync(queue, cancellationToken).ConfigureAwait(false);
        var exchange = Names.QueueExchange(queue);
        var outcome = await publisher.PublishAsync(exchange, "", messageId, body, cancellationToken).ConfigureAwait(false);
        if (outcome != PublicationOutcome.Returned)
        {
            return outcome;
        }

        // There is no group, and nothing yet that holds messages.
        await EnsureHolderAsync(queue, cancellationToken).ConfigureAwait(false);
        return await publisher.PublishAsync(exchange, "", messageId, body, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Likewise, after a delay.</summary>
    /// <exception cref="BrokerException">It was not stored.</exception>
    public async Task PublishDelayedAsync(
        string queue, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        await EnsureExchangeAsync(queue, cancellationToken).ConfigureAwait(false);

        // Nobody notices later that it comes to nobody.
        await EnsureHolderAsync(queue, cancellationToken).ConfigureAwait(false);
        await DelayAsync(Names.QueueExchange(queue), delay, messageId, body, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Binds a group, and hands over to it what is held if it is the first; says whether something may be held.</summary>
    public async Task<bool> BindAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await EnsureExchangeAsync(queue, cancellationToken).ConfigureAwait(false);
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), Patience, cancellationToken).ConfigureAwait(false);
        var session = connection.Consuming.Require();
        var (exchange, holder, jobs) = (Names.QueueExchange(queue), Names.HeldQueue(queue), Names.JobsQueue(queue, group));
        await Probing.DeclareQuorumAsync(session, Names.DeadQueue(queue, group), UnboundedArguments(), cancellationToken).ConfigureAwait(false);
        await Probing.DeclareQuorumAsync(session, jobs, StoreArguments, cancellationToken).ConfigureAwait(false);
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.QueueBindAsync(
            jobs, Names.DueExchange, $"#.{RabbitMqNames.Destination(jobs)}", cancellationToken: cancellationToken).ConfigureAwait(false);

        // What is held goes first; then the group gets what comes; then what came in between.
        var isHolding = await MoveAsync(session, holder, jobs, cancellationToken).ConfigureAwait(false);
        await probe.QueueBindAsync(jobs, exchange, "", cancellationToken: cancellationToken).ConfigureAwait(false);
        return isHolding && await MoveAsync(session, holder, jobs, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Hands over what reached the queue that holds messages though nothing is bound to it any more: it had been routed before.</summary>
    public async Task SweepAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), Patience, cancellationToken).ConfigureAwait(false);
        await MoveAsync(connection.Consuming.Require(), Names.HeldQueue(queue), Names.JobsQueue(queue, group), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether anybody consumes a group.</summary>
    public async Task<bool> IsConsumedAsync(string queue, string group, CancellationToken cancellationToken) =>
        await Probing.CountAsync(connection.Consuming.Require(), Names.JobsQueue(queue, group), cancellationToken).ConfigureAwait(false)
            is { ConsumerCount: > 0 };

    /// <summary>Deletes a group that nobody consumes; false when there is none.</summary>
    public async Task<bool> RemoveAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), Patience, cancellationToken).ConfigureAwait(false);
        var session = connection.Consuming.Require();
        var jobs = Names.JobsQueue(queue, group);
        if (await Probing.CountAsync(session, jobs, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            return false;
        }

        if (found.ConsumerCount > 0 || await connection.Locks.IsTakenAsync(Names.TurnLock(queue, group), cancellationToken).ConfigureAwait(false))
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict, $"The group '{group}' of the queue '{queue}' has consumers; dispose them before you remove it.");
        }

        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(jobs, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(Names.DeadQueue(queue, group), cancellationToken: cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Stores a message that comes out of the exchange for what is due after a delay.</summary>
    /// <param name="destination">The exchange or queue that it is for.</param>
    /// <param name="delay">More than zero.</param>
    /// <param name="messageId">Its id.</param>
    /// <param name="body">Its bytes.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="BrokerException">It was not stored.</exception>
    public async Task DelayAsync(
        string destination, TimeSpan delay, string messageId, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var path = DelayPath.Of(delay);
        await EnsureStepsAsync(path, cancellationToken).ConfigureAwait(false);
        var (exchange, key) = (Names.DelayStep(path.HighestLevel), path.RoutingKey(RabbitMqNames.Destination(destination)));
        for (var attempt = 1; ; attempt++)
        {
            // A step is never full. It refuses while it has no leader, which it gets within moments.
            var outcome = await publisher.PublishAsync(exchange, key, messageId, body, cancellationToken).ConfigureAwait(false);
            if (outcome == PublicationOutcome.Stored)
            {
                return;
            }

            if (attempt == MaxDelayAttempts)
            {
                throw LinkErrors.Unavailable($"RabbitMQ does not take messages for '{exchange}', which holds delays, at the moment.");
            }

            await Task.Delay(PauseBetweenAttempts, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Dictionary<string, object?> UnboundedArguments() => new() { ["x-delivery-limit"] = int.MaxValue };

    private static void Remember(ConcurrentDictionary<string, LinkSession> known, string queue, LinkSession session)
    {
        if (known.Count >= MaxKnownQueues)
        {
            known.Clear();
        }

        known[queue] = session;
    }

    /// <summary>Sees to it that the exchange of a queue is there.</summary>
    /// <exception cref="BrokerException">It is not, and there are as many queues as there may be.</exception>
    private async ValueTask EnsureExchangeAsync(string queue, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        if (IsKnown())
        {
            return;
        }

        if (await Probing.HasExchangeAsync(session, Names.QueueExchange(queue), cancellationToken).ConfigureAwait(false))
        {
            await DeclareExchangeAsync(session, queue, cancellationToken).ConfigureAwait(false);
            return;
        }

        await using var held = await connection.Locks.AcquireAsync(Names.RegisterLock, Patience, cancellationToken).ConfigureAwait(false);
        if (IsKnown())
        {
            return;
        }

        if (!await Probing.HasExchangeAsync(session, Names.QueueExchange(queue), cancellationToken).ConfigureAwait(false))
        {
            await RegisterAsync(session, queue, cancellationToken).ConfigureAwait(false);
        }

        await DeclareExchangeAsync(session, queue, cancellationToken).ConfigureAwait(false);

        bool IsKnown() => _knownExchanges.TryGetValue(queue, out var known) && known == session;
    }

    /// <summary>
    /// Counts a queue before it is made, under the lock of the register. When the instance vanishes in between, it counts for one
    /// more than there is.
    /// </summary>
    private async Task RegisterAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        await Probing.DeclareQuorumAsync(session, Names.RegisterQueue, UnboundedArguments(), cancellationToken).ConfigureAwait(false);
        var limit = connection.Options.Limits.MaxNames;
        if (await Probing.CountAsync(session, Names.RegisterQueue, cancellationToken).ConfigureAwait(false) is { } found && found.MessageCount >= limit)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"There are {limit} queues; no more are allowed. Use fewer names.");
        }

        var name = Encoding.UTF8.GetBytes(queue);
        var outcome = await publisher.PublishAsync("", Names.RegisterQueue, Guid.CreateVersion7().ToString("N"), name, cancellationToken).ConfigureAwait(false);
        if (outcome != PublicationOutcome.Stored)
        {
            throw LinkErrors.Unavailable($"RabbitMQ does not take messages for '{Names.RegisterQueue}', which counts the queues, at the moment.");
        }
    }

    private async Task DeclareExchangeAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        var exchange = Names.QueueExchange(queue);
        var arguments = new Dictionary<string, object?> { ["alternate-exchange"] = Names.HeldExchange(queue) };
        await probe.ExchangeDeclareAsync(
            exchange, ExchangeType.Fanout, durable: true, arguments: arguments, cancellationToken: cancellationToken).ConfigureAwait(false);
        await DeclareDueAsync(probe, cancellationToken).ConfigureAwait(false);
        await probe.ExchangeBindAsync(
            exchange, Names.DueExchange, $"#.{RabbitMqNames.Destination(exchange)}", cancellationToken: cancellationToken).ConfigureAwait(false);
        Remember(_knownExchanges, queue, session);
    }

    /// <summary>Sees to it that what comes while there is no group has a place.</summary>
    private async ValueTask EnsureHolderAsync(string queue, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        if (IsKnown())
        {
            return;
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (IsKnown())
            {
                return;
            }

            await Probing.DeclareQuorumAsync(session, Names.HeldQueue(queue), StoreArguments, cancellationToken).ConfigureAwait(false);
            await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
            await probe.ExchangeDeclareAsync(
                Names.HeldExchange(queue), ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            await probe.QueueBindAsync(
                Names.HeldQueue(queue), Names.HeldExchange(queue), "", cancellationToken: cancellationToken).ConfigureAwait(false);
            Remember(_knownHolders, queue, session);
        }
        finally
        {
            _gate.Release();
        }

        bool IsKnown() => _knownHolders.TryGetValue(queue, out var known) && known == session;
    }

    private async Task DeclareDueAsync(IChannel probe, CancellationToken cancellationToken)
    {
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
            ExchangeType.Topic,
            durable: true,
            arguments: new Dictionary<string, object?> { ["alternate-exchange"] = Names.GoneExchange },
            cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask EnsureStepsAsync(DelayPath path, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        if (IsKnown())
        {
            return;
        }

        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (IsKnown())
            {
                return;
            }

            var highest = Math.Max(path.HighestLevel, DelayPath.Of(connection.Options.PreparedDelay).HighestLevel);
            for (var level = 0; level <= highest; level++)
            {
                await DeclareStepAsync(session, level, cancellationToken).ConfigureAwait(false);
            }

            _knownSteps = new KnownSteps(session, highest);
        }
        finally
        {
            _gate.Release();
        }

        bool IsKnown() => _knownSteps is { } known && known.Session == session && known.HighestLevel >= path.HighestLevel;
    }

    private async Task DeclareStepAsync(LinkSession session, int level, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        if (level == 0)
        {
            await DeclareDueAsync(probe, cancellationToken).ConfigureAwait(false);
        }

        // From the last queue to the first: each needs the exchange behind it.
        var next = level == 0 ? Names.DueExchange : Names.DelayStep(level - 1);
        var behind = next;
        for (var stage = DelayPath.Stages(level); stage > 0; stage--)
        {
            var step = stage == 1 ? Names.DelayStep(level) : Names.DelayStage(level, stage);
            await probe.ExchangeDeclareAsync(step, ExchangeType.Topic, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            await Probing.DeclareQuorumAsync(
                session,
                step,
                new Dictionary<string, object?>
                {
                    ["x-message-ttl"] = (long)(DelayPath.Duration(level) / DelayPath.Stages(level)).TotalMilliseconds,
                    ["x-dead-letter-exchange"] = behind,

                    // A message leaves a step when the next one has confirmed it.
                    ["x-dead-letter-strategy"] = "at-least-once",
                    ["x-overflow"] = "reject-publish",
                    ["x-delivery-limit"] = int.MaxValue,
                },
                cancellationToken).ConfigureAwait(false);
            await probe.QueueBindAsync(
                step, step, DelayPath.BindingKey(level, passes: true), cancellationToken: cancellationToken).ConfigureAwait(false);
            behind = step;
        }

        await probe.ExchangeBindAsync(
            next, Names.DelayStep(level), DelayPath.BindingKey(level, passes: false), cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Moves what lies in one queue to another, in order; false when there is no such queue.</summary>
    private async Task<bool> MoveAsync(LinkSession session, string from, string to, CancellationToken cancellationToken)
    {
        await using var reader = await QueueReader.OpenAsync(session, from, MoveWindow, Patience, cancellationToken).ConfigureAwait(false);
        if (reader is null)
        {
            return false;
        }

        var underWay = new Queue<(QueueReader.Message Message, Task<PublicationOutcome> Outcome)>();
        for (var moved = 0u; moved < reader.Count || underWay.Count > 0;)
        {
            if (moved < reader.Count && underWay.Count < MoveWindow)
            {
                var message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                underWay.Enqueue((message, publisher.PublishAsync("", to, message.MessageId ?? "", message.Body, cancellationToken)));
                moved++;
                continue;
            }

            var (oldest, outcome) = underWay.Dequeue();
            if (await outcome.ConfigureAwait(false) != PublicationOutcome.Stored)
            {
                throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"The group cannot take what the queue holds for it: '{to}' is full or cannot be written to.");
            }

            await reader.AckAsync(oldest).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Steps that have been declared on a session.</summary>
    private sealed record KnownSteps(LinkSession Session, int HighestLevel);
}
