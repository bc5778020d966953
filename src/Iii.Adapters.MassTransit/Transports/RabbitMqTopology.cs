using System.Collections.Concurrent;
using System.Globalization;
using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>Declares, binds and deletes what queues are made of in RabbitMQ, over a connection of its own.</summary>
/// <remarks>
/// <code>
/// Entry (fanout) ─▶ Groups (fanout) ─▶ Jobs (fanout and quorum queue) of each group; MassTransit's receive endpoint
///                       └ alternate: Held (fanout and quorum queue), while nothing is bound
/// Later (fanout and quorum queue) of each group ─▶ Waits (headers) ─▶ Wait (fanout and quorum queue with a time to live) ─▶ Due (direct) ─▶ Jobs
///                                                                                            alternate: Gone (fanout and a queue that keeps nothing)
/// </code>
/// Later hands all on at once, with a routing key that was drawn when the group was bound: with a removed group it is gone, and one that is
/// bound under the same name has another. The entry has no arguments, so that MassTransit in other programs can declare it as it declares its own.
/// </remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class RabbitMqTopology(IConnection connection, MassTransitNames names, MassTransitBrokerOptions options)
#pragma warning restore CA1001
{
    /// <summary>How long a message waits, in milliseconds: one of the steps.</summary>
    public const string WaitHeader = "iii-wait";

    /// <summary>Messages that are moved at the same time.</summary>
    private const int MoveWindow = 256;

    /// <summary>What is remembered as declared; beyond it all is forgotten and declared again when it is used.</summary>
    private const int MaxKnown = 10_000;

    private const ushort NotFound = 404;
    private const ushort Locked = 405;

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the broker may go on listing a consumer that has left.</summary>
    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(1);

    /// <summary>How long messages can wait at a stretch, the longest first.</summary>
    private static readonly TimeSpan[] WaitSteps =
    [
        .. ((int[])[21_600, 3_600, 900, 300, 60, 30, 10, 5, 2, 1]).Select(static seconds => TimeSpan.FromSeconds(seconds)),
        .. ((int[])[500, 200, 100, 50]).Select(static milliseconds => TimeSpan.FromMilliseconds(milliseconds)),
    ];

    private readonly ConcurrentDictionary<string, byte> _known = new(StringComparer.Ordinal);

    /// <summary>Held by whoever changes bindings here; between instances, the lock in the broker is.</summary>
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>When to look for messages that were routed before the first group was bound.</summary>
    public static TimeSpan[] SweepPauses { get; } = [TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20)];

    /// <summary>The arguments of the queue of a group.</summary>
    public Dictionary<string, object?> JobsArguments { get; } = new()
    {
        ["x-queue-type"] = "quorum",
        ["x-max-length"] = options.Limits.MaxQueueLength,
        ["x-overflow"] = "reject-publish",

        // Attempts are counted above the seam; from version 4 on the broker would drop a message after 20.
        ["x-delivery-limit"] = int.MaxValue,
    };

    private static Dictionary<string, object?> DeadArguments => new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = int.MaxValue };

    public static bool IsFailure(Exception exception) =>
        exception is RabbitMQClientException or OperationCanceledException or TimeoutException or IOException or ObjectDisposedException
            or global::MassTransit.MassTransitException;

    public static BrokerException Unavailable(string what, Exception exception) =>
        new(BrokerErrorCodes.BrokerUnavailable, $"{what}: {exception.Message}", exception);

    /// <summary>Everything is declared again when it is used next: something was gone.</summary>
    public void Forget() => _known.Clear();

    /// <summary>Sees to it that what is enqueued to a queue has a place.</summary>
    public Task EnsureQueueAsync(string queue, CancellationToken cancellationToken) => EnsureAsync(
        names.Entry(queue),
        async channel =>
        {
            await DeclareQueueAsync(channel, names.Held(queue), JobsArguments, cancellationToken).ConfigureAwait(false);
            await channel.ExchangeDeclareAsync(
                names.Groups(queue),
                ExchangeType.Fanout,
                durable: true,
                arguments: new Dictionary<string, object?> { ["alternate-exchange"] = names.Held(queue) },
                cancellationToken: cancellationToken).ConfigureAwait(false);
            await channel.ExchangeDeclareAsync(names.Entry(queue), ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
            await channel.ExchangeBindAsync(names.Groups(queue), names.Entry(queue), "", cancellationToken: cancellationToken).ConfigureAwait(false);
        },
        cancellationToken);

    /// <summary>Sees to it that messages can wait, and says what their <see cref="WaitHeader"/> is.</summary>
    /// <param name="delay">How long they should; it is the longest step that is not longer, or the shortest of all.</param>
    public async Task<string> EnsureWaitAsync(TimeSpan delay)
    {
        var step = WaitSteps.FirstOrDefault(step => step <= delay, WaitSteps[^1]);
        var (wait, header) = (names.Wait(step), ((long)step.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));
        await EnsureAsync(
            wait,
            async channel =>
            {
                await DeclareDueAsync(channel, default).ConfigureAwait(false);
                await DeclareQueueAsync(channel, wait, PassingArguments(step, names.Due), default).ConfigureAwait(false);
                var binding = new Dictionary<string, object?> { ["x-match"] = "all", [WaitHeader] = header };
                await channel.ExchangeBindAsync(wait, names.Waits, "", binding).ConfigureAwait(false);
            },
            default).ConfigureAwait(false);
        return header;
    }

    /// <summary>Binds a group, and hands over to it what is held if it is the first; says whether something may be held.</summary>
    public async Task<bool> BindAsync(string queue, string group, CancellationToken cancellationToken)
    {
        await EnsureQueueAsync(queue, cancellationToken).ConfigureAwait(false);
        var jobs = names.Jobs(queue, group);
        return await WithLockAsync(
            queue,
            async () =>
            {
                await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
                await DeclareDueAsync(channel, cancellationToken).ConfigureAwait(false);
                await DeclareQueueAsync(channel, names.Dead(queue, group), DeadArguments, cancellationToken).ConfigureAwait(false);
                await DeclareQueueAsync(channel, jobs, JobsArguments, cancellationToken).ConfigureAwait(false);
                await EnsureLaterAsync(channel, queue, group, cancellationToken).ConfigureAwait(false);

                // What is held goes first; then the group gets what comes; then what came in between.
                var moved = await MoveAsync(queue, jobs, cancellationToken).ConfigureAwait(false);
                await channel.ExchangeBindAsync(jobs, names.Groups(queue), "", cancellationToken: cancellationToken).ConfigureAwait(false);
                return await MoveAsync(queue, jobs, cancellationToken).ConfigureAwait(false) + moved > 0;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Hands over what was held though a group is bound: it had been routed before.</summary>
    public Task SweepAsync(string queue, string group, CancellationToken cancellationToken) =>
        WithLockAsync(queue, () => MoveAsync(queue, names.Jobs(queue, group), cancellationToken), cancellationToken);

    /// <summary>Deletes a group that nobody consumes; false when there is none.</summary>
    public Task<bool> RemoveAsync(string queue, string group, CancellationToken cancellationToken) => WithLockAsync(
        queue,
        async () =>
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            var jobs = names.Jobs(queue, group);
            var start = TimeProvider.System.GetTimestamp();
            uint? consumers;
            while ((consumers = await CountConsumersAsync(channel, jobs, cancellationToken).ConfigureAwait(false)) > 0)
            {
                if (TimeProvider.System.GetElapsedTime(start) >= LeavePatience)
                {
                    throw new BrokerException(
                        BrokerErrorCodes.Conflict, $"The group '{group}' of the queue '{queue}' has consumers; dispose them before you remove it.");
                }

                await Task.Delay(LockPause, cancellationToken).ConfigureAwait(false);
            }

            if (consumers is null)
            {
                return false;
            }

            // First what gives messages their key, so that none gets one that nothing would be bound by.
            foreach (var name in (string[])[names.Later(queue, group), jobs, names.Dead(queue, group)])
            {
                await channel.ExchangeDeleteAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
                await channel.QueueDeleteAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
            }

            return true;
        },
        cancellationToken);

    /// <summary>Null when there is no such queue; then the channel is of no use any more.</summary>
    private static async Task<uint?> CountConsumersAsync(IChannel channel, string queue, CancellationToken cancellationToken)
    {
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue, cancellationToken).ConfigureAwait(false)).ConsumerCount;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == NotFound)
        {
            return null;
        }
    }

    /// <summary>The arguments of a queue whose messages go on after a time, when the queue that is next has confirmed them.</summary>
    private static Dictionary<string, object?> PassingArguments(TimeSpan timeToLive, string next) => new()
    {
        ["x-queue-type"] = "quorum",
        ["x-message-ttl"] = (long)timeToLive.TotalMilliseconds,
        ["x-dead-letter-exchange"] = next,
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
        ["x-delivery-limit"] = int.MaxValue,
    };

    /// <summary>Sees to it that a group has its way into a wait and out of it.</summary>
    private async Task EnsureLaterAsync(IChannel channel, string queue, string group, CancellationToken cancellationToken)
    {
        var (later, jobs) = (names.Later(queue, group), names.Jobs(queue, group));
        await using var probe = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        if (await CountConsumersAsync(probe, later, cancellationToken).ConfigureAwait(false) is null)
        {
            var key = Guid.NewGuid().ToString("N");
            var arguments = PassingArguments(TimeSpan.Zero, names.Waits);
            arguments["x-dead-letter-routing-key"] = key;
            await channel.QueueBindAsync(jobs, names.Due, key, cancellationToken: cancellationToken).ConfigureAwait(false);
            await channel.QueueDeclareAsync(
                later, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        await channel.ExchangeDeclareAsync(later, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.QueueBindAsync(later, later, "", cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A durable queue, and a fanout exchange of its name: MassTransit sends to exchanges.</summary>
    private static async Task DeclareQueueAsync(
        IChannel channel, string name, Dictionary<string, object?> arguments, CancellationToken cancellationToken)
    {
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.QueueDeclareAsync(
            name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.QueueBindAsync(name, name, "", cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private async Task DeclareDueAsync(IChannel channel, CancellationToken cancellationToken)
    {
        await DeclareQueueAsync(channel, names.Gone, new() { ["x-max-length"] = 0 }, cancellationToken).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(names.Waits, ExchangeType.Headers, durable: true, cancellationToken: cancellationToken).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(
            names.Due,
            ExchangeType.Direct,
            durable: true,
            arguments: new Dictionary<string, object?> { ["alternate-exchange"] = names.Gone },
            cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private async Task EnsureAsync(string name, Func<IChannel, Task> declare, CancellationToken cancellationToken)
    {
        if (_known.ContainsKey(name))
        {
            return;
        }

        await AskAsync(
            async () =>
            {
                await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
                await declare(channel).ConfigureAwait(false);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        if (_known.Count >= MaxKnown)
        {
            _known.Clear();
        }

        _known[name] = 0;
    }

    /// <summary>Moves what is held for the first group of a queue, in order; says how many.</summary>
    private async Task<int> MoveAsync(string queue, string jobs, CancellationToken cancellationToken)
    {
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancellationToken).ConfigureAwait(false);
        for (var moved = 0; ;)
        {
            var confirms = new List<Task>(MoveWindow);
            var last = 0ul;
            while (confirms.Count < MoveWindow
                && await channel.BasicGetAsync(names.Held(queue), autoAck: false, cancellationToken).ConfigureAwait(false) is { } message)
            {
                last = message.DeliveryTag;
                confirms.Add(channel.BasicPublishAsync(
                    "", jobs, mandatory: true, new BasicProperties(message.BasicProperties), message.Body.ToArray(), cancellationToken).AsTask());
            }

            await Task.WhenAll(confirms).ConfigureAwait(false);
            if (confirms.Count == 0)
            {
                return moved;
            }

            await channel.BasicAckAsync(last, multiple: true, cancellationToken).ConfigureAwait(false);
            moved += confirms.Count;
        }
    }

    /// <summary>Does something while nobody else, here or on another instance, changes what is bound to a queue.</summary>
    private async Task<T> WithLockAsync<T>(string queue, Func<Task<T>> action, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await AskAsync(
                async () =>
                {
                    await using var held = await LockAsync(names.Lock(queue), cancellationToken).ConfigureAwait(false);
                    return await action().ConfigureAwait(false);
                },
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>An exclusive queue is its connection's: nobody else can declare it until it is deleted or the connection is gone.</summary>
    private async Task<HeldLock> LockAsync(string name, CancellationToken cancellationToken)
    {
        for (var start = TimeProvider.System.GetTimestamp(); ;)
        {
            var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            try
            {
                await channel.QueueDeclareAsync(
                    name, durable: false, exclusive: true, autoDelete: false, cancellationToken: cancellationToken).ConfigureAwait(false);
                return new HeldLock(channel, name);
            }
            catch (Exception exception)
            {
                await channel.DisposeAsync().ConfigureAwait(false);
                if (exception is not OperationInterruptedException { ShutdownReason.ReplyCode: Locked }
                    || TimeProvider.System.GetElapsedTime(start) >= options.OperationTimeout)
                {
                    throw;
                }
            }

            await Task.Delay(LockPause, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Says in the words of the seam what went wrong.</summary>
    private static async Task<T> AskAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (PublishException exception)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, "The group cannot take what the queue holds for it: it is full.", exception);
        }
        catch (Exception exception) when (IsFailure(exception) && !cancellationToken.IsCancellationRequested)
        {
            throw Unavailable("RabbitMQ did not do what was asked", exception);
        }
    }

    private sealed class HeldLock(IChannel channel, string name) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (channel.IsOpen)
            {
                await channel.QueueDeleteAsync(name).ConfigureAwait(false);
            }

            await channel.DisposeAsync().ConfigureAwait(false);
        }
    }
}
