using System.Text;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Declares, binds and deletes what queues are made of in the broker.</summary>
/// <remarks>
/// <para>
/// A queue is a fanout exchange. A group is a quorum queue bound to it, and one for its dead letters. While a queue has no group,
/// its messages take the exchange's alternate, to a quorum queue that nobody consumes; the first group that is bound takes over what
/// lies there. That queue is only made when it is needed for the first time, and stays: what was routed to it just before a group
/// was bound may still be on its way. A queue is never deleted, and each has a message in the register, by which they are counted.
/// </para>
/// <para>
/// What is enqueued with a delay goes to a second fanout exchange. There each group has a queue as well, that gives each message the
/// group's own destination and hands it on to the steps: so it is for the groups that are bound when it is enqueued. While there is
/// none it goes straight to the steps, for the queue, and to whoever is bound when it is due. What a group retries after a pause takes
/// the same way. The destination is drawn when the group is bound and known to that queue alone: with a removed group it is gone, and
/// one that is bound under the same name has another.
/// </para>
/// </remarks>
internal sealed class QueueTopology(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps)
{
    /// <summary>Messages that are moved at the same time.</summary>
    private const ushort MoveWindow = 256;

    /// <summary>How long the broker may go on listing a consumer that has left.</summary>
    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly DeclaredNames _exchanges = new();
    private readonly DeclaredNames _holders = new();

    private RabbitMqNames Names => connection.Names;

    private TimeSpan Patience => connection.Options.OperationTimeout;

    /// <summary>Who has a lock may be moving messages, or wait for a queue to be made.</summary>
    private TimeSpan LockPatience => connection.Options.StoreTimeout;

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
        switch (await steps.PublishAsync(Names.LaterExchange(queue), "", delay, messageId, body, cancellationToken).ConfigureAwait(false))
        {
            case PublicationOutcome.Stored:
                return;
            case PublicationOutcome.Refused:
                throw LinkErrors.Unavailable($"RabbitMQ does not take messages with a delay for every group of '{queue}' at the moment.");
            default:
                break;
        }

        // There is no group. Nobody notices later that it comes to nobody, so that which holds messages must be there.
        await EnsureHolderAsync(queue, cancellationToken).ConfigureAwait(false);
        if (!await steps.StoreForQueueAsync(queue, delay, messageId, body, cancellationToken).ConfigureAwait(false))
        {
            throw LinkErrors.Unavailable("RabbitMQ has lost what holds delays; connect anew to have it made again.");
        }
    }

    /// <summary>Binds a group, and hands over to it what is held if it is the first; says whether something may be held.</summary>
    public async Task<bool> BindAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await EnsureExchangeAsync(queue, cancellationToken).ConfigureAwait(false);
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), LockPatience, cancellationToken).ConfigureAwait(false);
        var session = connection.Consuming.Require();
        var (exchange, holder, jobs) = (Names.QueueExchange(queue), Names.HeldQueue(queue), Names.JobsQueue(queue, group));
        if (await Probing.CountAsync(session, jobs, cancellationToken).ConfigureAwait(false) is null)
        {
            // Were there a way into a delay, it would lead to a queue that is lost.
            await using var cleaner = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
            await cleaner.QueueDeleteAsync(Names.LaterQueue(queue, group), cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        await Probing.DeclareQuorumAsync(session, Names.DeadQueue(queue, group), DeadLetters.QueueArguments(jobs), cancellationToken).ConfigureAwait(false);
        await Probing.DeclareQuorumAsync(session, jobs, StoreArguments, cancellationToken).ConfigureAwait(false);
        await EnsureLaterAsync(session, queue, group, cancellationToken).ConfigureAwait(false);
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);

        // What is held goes first; then the group gets what comes; then what came in between, also when it was only then that something held it.
        await MoveAsync(session, holder, jobs, cancellationToken).ConfigureAwait(false);
        await probe.QueueBindAsync(jobs, exchange, "", cancellationToken: cancellationToken).ConfigureAwait(false);
        return await MoveAsync(session, holder, jobs, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Hands over what reached the queue that holds messages though nothing is bound to it any more: it had been routed before.</summary>
    public async Task SweepAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), LockPatience, cancellationToken).ConfigureAwait(false);
        await MoveAsync(connection.Consuming.Require(), Names.HeldQueue(queue), Names.JobsQueue(queue, group), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether anybody consumes a group.</summary>
    public async Task<bool> IsConsumedAsync(string queue, string group, CancellationToken cancellationToken) =>
        await Probing.CountAsync(connection.Consuming.Require(), Names.JobsQueue(queue, group), cancellationToken).ConfigureAwait(false)
            is { ConsumerCount: > 0 };

    /// <summary>Deletes a group that nobody consumes; false when there is none.</summary>
    public async Task<bool> RemoveAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await using var held = await connection.Locks.AcquireAsync(Names.BindingLock(queue), LockPatience, cancellationToken).ConfigureAwait(false);
        var session = connection.Consuming.Require();
        var jobs = Names.JobsQueue(queue, group);
        QueueDeclareOk? found;
        var start = TimeProvider.System.GetTimestamp();
        while ((found = await Probing.CountAsync(session, jobs, cancellationToken).ConfigureAwait(false)) is { ConsumerCount: > 0 }
            && TimeProvider.System.GetElapsedTime(start) < LeavePatience)
        {
            await Task.Delay(LookAgain, cancellationToken).ConfigureAwait(false);
        }

        if (found is null)
        {
            return false;
        }

        if (found.ConsumerCount > 0 || await connection.Locks.IsTakenAsync(Names.TurnLock(queue, group), cancellationToken).ConfigureAwait(false))
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict, $"The group '{group}' of the queue '{queue}' has consumers; dispose them before you remove it.");
        }

        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);

        // First what gives messages its destination, so that none gets it that nothing would be bound to.
        await probe.QueueDeleteAsync(Names.LaterQueue(queue, group), cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(jobs, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(Names.DeadQueue(queue, group), cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(Names.NotesQueue(queue, group), cancellationToken: cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static Dictionary<string, object?> UnboundedArguments() => new() { ["x-delivery-limit"] = int.MaxValue };

    /// <summary>Sees to it that a group has its way into a delay and out of it.</summary>
    private async Task EnsureLaterAsync(LinkSession session, string queue, string group, CancellationToken cancellationToken)
    {
        var (later, jobs) = (Names.LaterQueue(queue, group), Names.JobsQueue(queue, group));
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        if (await Probing.CountAsync(session, later, cancellationToken).ConfigureAwait(false) is null)
        {
            // Messages stay for no time: the queue is only there for the routing key that they leave with.
            var destination = RabbitMqNames.NewDestination();
            var arguments = DelaySteps.PassingArguments(timeToLive: 0, Names.DelayExchange);
            arguments["x-dead-letter-routing-key"] = destination;
            await probe.QueueBindAsync(jobs, Names.DueExchange, destination, cancellationToken: cancellationToken).ConfigureAwait(false);
            await Probing.DeclareQuorumAsync(session, later, arguments, cancellationToken).ConfigureAwait(false);
        }

        await probe.QueueBindAsync(later, Names.LaterExchange(queue), "", cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sees to it that the exchange of a queue is there.</summary>
    /// <exception cref="BrokerException">It is not, and there are as many queues as there may be.</exception>
    private async ValueTask EnsureExchangeAsync(string queue, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        if (!_exchanges.IsKnown(queue, session))
        {
            await _exchanges.DeclareAsync(queue, session, () => FindOrAddExchangeAsync(session, queue, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task FindOrAddExchangeAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        if (await Probing.HasExchangeAsync(session, Names.QueueExchange(queue), cancellationToken).ConfigureAwait(false))
        {
            await DeclareExchangeAsync(session, queue, cancellationToken).ConfigureAwait(false);
            return;
        }

        await using var held = await connection.Locks.AcquireAsync(Names.RegisterLock, LockPatience, cancellationToken).ConfigureAwait(false);
        if (!await Probing.HasExchangeAsync(session, Names.QueueExchange(queue), cancellationToken).ConfigureAwait(false))
        {
            await RegisterAsync(session, queue, cancellationToken).ConfigureAwait(false);
        }

        await DeclareExchangeAsync(session, queue, cancellationToken).ConfigureAwait(false);
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
        await probe.ExchangeDeclareAsync(Names.LaterExchange(queue), ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.ExchangeBindAsync(
            exchange, Names.DueExchange, RabbitMqNames.Destination(exchange), cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sees to it that what comes while there is no group has a place.</summary>
    private async ValueTask EnsureHolderAsync(string queue, CancellationToken cancellationToken)
    {
        var session = connection.Consuming.Require();
        if (!_holders.IsKnown(queue, session))
        {
            await _holders.DeclareAsync(queue, session, () => DeclareHolderAsync(session, queue, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task DeclareHolderAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        await Probing.DeclareQuorumAsync(session, Names.HeldQueue(queue), StoreArguments, cancellationToken).ConfigureAwait(false);
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.ExchangeDeclareAsync(
            Names.HeldExchange(queue), ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await probe.QueueBindAsync(
            Names.HeldQueue(queue), Names.HeldExchange(queue), "", cancellationToken: cancellationToken).ConfigureAwait(false);
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
        try
        {
            for (var moved = 0u; moved < reader.Count || underWay.Count > 0;)
            {
                if (moved < reader.Count && underWay.Count < MoveWindow)
                {
                    var message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                    underWay.Enqueue((message, publisher.PublishAsync("", to, message.MessageId ?? "", message.Body, CancellationToken.None)));
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
        }
        catch
        {
            await AckStoredAsync(reader, underWay).ConfigureAwait(false);
            throw;
        }

        return true;
    }

    /// <summary>What the group has by now, or will have, must not come to it a second time.</summary>
    private static async Task AckStoredAsync(QueueReader reader, IEnumerable<(QueueReader.Message Message, Task<PublicationOutcome> Outcome)> underWay)
    {
        foreach (var (message, outcome) in underWay)
        {
            await ((Task)outcome).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (outcome.IsCompletedSuccessfully && await outcome.ConfigureAwait(false) == PublicationOutcome.Stored)
            {
                await reader.AckAsync(message).ConfigureAwait(false);
            }
        }
    }
}
