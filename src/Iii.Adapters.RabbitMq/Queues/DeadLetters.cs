using System.Collections.ObjectModel;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// The dead letters of a group: they lie in a queue of their own, which is read from its beginning under a lock and given back. What
/// nobody can read is shown as it is.
/// </summary>
/// <remarks>
/// What is redriven is rejected there, and the broker itself moves it to the group's line, as it is: nobody who vanishes meanwhile can leave
/// it in both, or in neither. Only the broker's own crash may have it send again what it had sent and not noted yet.
/// </remarks>
internal sealed class DeadLetters(RabbitMqConnection connection)
{
    /// <summary>Most that are looked at.</summary>
    private const ushort MaxRead = 10_000;

    private const string Unreadable = "unreadable";

    private RabbitMqNames Names => connection.Names;

    /// <summary>The arguments of the queue that keeps the dead letters of a group: what is rejected goes to the group's line.</summary>
    public static Dictionary<string, object?> QueueArguments(string jobs) => new()
    {
        ["x-dead-letter-exchange"] = "",
        ["x-dead-letter-routing-key"] = jobs,
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
        ["x-delivery-limit"] = int.MaxValue,
    };

    public Task<Page<DeadLetterRecord>> ListAsync(string queue, string group, PageRequest page, CancellationToken cancellationToken) =>
        ReadAsync(queue, group, new Page<DeadLetterRecord>([], null), async reader =>
        {
            // The first of those after the cursor, by time of death; what is given back may come in another order.
            var found = new SortedSet<Letter>(Comparer<Letter>.Create(static (one, other) => string.CompareOrdinal(one.Position, other.Position)));
            await foreach (var letter in ReadAllAsync(reader, queue, group, cancellationToken).ConfigureAwait(false))
            {
                if ((page.After is null || string.CompareOrdinal(letter.Position, page.After) > 0) && found.Add(letter) && found.Count > page.Limit + 1)
                {
                    found.Remove(found.Max!);
                }
            }

            var records = found.Take(page.Limit).Select(static letter => letter.Record).ToList();
            return new Page<DeadLetterRecord>(records, found.Count > page.Limit ? found.ElementAt(page.Limit - 1).Position : null);
        }, cancellationToken);

    /// <summary>Puts those back that are there, in the order in which they died; says how many.</summary>
    /// <exception cref="BrokerException">The group has no room for all of them; it got as many as fit.</exception>
    public Task<int> RedriveAsync(string queue, string group, IReadOnlyCollection<string> messageIds, CancellationToken cancellationToken) =>
        ReadAsync(queue, group, 0, async reader =>
        {
            var found = await FindAsync(reader, queue, group, messageIds, cancellationToken).ConfigureAwait(false);
            if (found.Count == 0)
            {
                return 0;
            }

            await CheckMovingAsync(queue, group, cancellationToken).ConfigureAwait(false);
            var room = await CountRoomAsync(queue, group, cancellationToken).ConfigureAwait(false);
            foreach (var letter in found.Take(room))
            {
                await reader.RejectAsync(letter).ConfigureAwait(false);
            }

            await reader.CloseAsync().ConfigureAwait(false);
            return found.Count <= room ? found.Count : throw new BrokerException(
                BrokerErrorCodes.LimitExceeded,
                $"The group '{group}' of the queue '{queue}' is full; {found.Count - room} of {found.Count} that were to be put back stay dead letters.");
        }, cancellationToken);

    public Task<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken) =>
        ReadAsync(queue, group, false, async reader =>
        {
            var found = await FindAsync(reader, queue, group, [messageId], cancellationToken).ConfigureAwait(false);
            foreach (var letter in found)
            {
                await reader.AckAsync(letter).ConfigureAwait(false);
            }

            await reader.CloseAsync().ConfigureAwait(false);
            return found.Count > 0;
        }, cancellationToken);

    /// <summary>Reads the dead letters under the lock.</summary>
    private async Task<T> ReadAsync<T>(string queue, string group, T none, Func<QueueReader, Task<T>> read, CancellationToken cancellationToken)
    {
        var patience = connection.Options.OperationTimeout;
        await using var held = await connection.Locks.AcquireAsync(Names.DeadLock(queue, group), patience, cancellationToken).ConfigureAwait(false);
        var (session, dead) = (connection.Consuming.Require(), Names.DeadQueue(queue, group));
        await QueueReader.CatchUpAsync(session, dead, cancellationToken).ConfigureAwait(false);
        await using var reader = await QueueReader.OpenAsync(session, dead, MaxRead, patience, cancellationToken).ConfigureAwait(false);
        return reader is null ? none : await read(reader).ConfigureAwait(false);
    }

    private static async IAsyncEnumerable<Letter> ReadAllAsync(
        QueueReader reader, string queue, string group, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var i = 0; i < Math.Min(reader.Count, MaxRead); i++)
        {
            yield return Read(queue, group, await reader.ReadAsync(cancellationToken).ConfigureAwait(false));
        }
    }

    /// <summary>Those with certain ids, oldest first, without their bytes, which may be many.</summary>
    private static async Task<List<QueueReader.Message>> FindAsync(
        QueueReader reader, string queue, string group, IReadOnlyCollection<string> messageIds, CancellationToken cancellationToken)
    {
        var wanted = messageIds.ToHashSet(StringComparer.Ordinal);
        var found = new SortedDictionary<string, QueueReader.Message>(StringComparer.Ordinal);
        await foreach (var letter in ReadAllAsync(reader, queue, group, cancellationToken).ConfigureAwait(false))
        {
            if (wanted.Remove(letter.Record.MessageId))
            {
                found.Add(letter.Position, letter.Message with { Body = ReadOnlyMemory<byte>.Empty });
                if (wanted.Count == 0)
                {
                    break;
                }
            }
        }

        return [.. found.Values];
    }

    /// <summary>Sees to it that what is rejected is moved.</summary>
    /// <exception cref="BrokerException">It would be deleted: the queue was declared otherwise, by an earlier version or by somebody else.</exception>
    private async Task CheckMovingAsync(string queue, string group, CancellationToken cancellationToken)
    {
        var dead = Names.DeadQueue(queue, group);
        var arguments = QueueArguments(Names.JobsQueue(queue, group));
        if (!await Probing.DeclareQuorumAsync(connection.Consuming.Require(), dead, arguments, cancellationToken).ConfigureAwait(false))
        {
            throw new BrokerException(
                BrokerErrorCodes.Conflict,
                $"RabbitMQ has '{dead}' with other arguments than those by which it puts dead letters back, and would delete them: "
                + "move what lies there with its own tools, delete the queue, and consume the group anew to have it declared.");
        }
    }

    /// <summary>
    /// How many the line of a group can take now. What finds it full when it gets there the broker keeps, and tries again after minutes.
    /// </summary>
    private async Task<int> CountRoomAsync(string queue, string group, CancellationToken cancellationToken)
    {
        var waiting = await Probing.CountAsync(connection.Consuming.Require(), Names.JobsQueue(queue, group), cancellationToken).ConfigureAwait(false);
        return (int)Math.Max(0, connection.Options.Limits.MaxQueueLength - (waiting?.MessageCount ?? 0));
    }

    private static Letter Read(string queue, string group, QueueReader.Message message)
    {
        if (QueueRecordFormat.TryRead(message.Body) is not { } record)
        {
            return ReadForeign(queue, group, message);
        }

        var failures = record.Failures;
        return new Letter(message, new DeadLetterRecord
        {
            Queue = queue,
            Group = group,
            MessageId = record.MessageId,
            Payload = record.Payload,
            Headers = record.Headers,
            OrderingKey = record.OrderingKey,
            Reason = failures.Count > 0 ? failures[^1].Failure : new AttemptFailure(Unreadable, "The record says no reason."),
            Attempts = record.Attempts,
            Failures = failures,
            EnqueuedAt = record.EnqueuedAt,
            DeadAt = record.DeadAt ?? record.EnqueuedAt,
        });
    }

    /// <summary>A message that is none of ours, or of a later version: shown first, with its bytes as they are.</summary>
    private static Letter ReadForeign(string queue, string group, QueueReader.Message message)
    {
        var reason = new AttemptFailure(Unreadable, "The message is no record of this queue that could be read. Its payload is all that there was.");
        return new Letter(message, new DeadLetterRecord
        {
            Queue = queue,
            Group = group,
            MessageId = message.MessageId ?? Convert.ToHexStringLower(SHA256.HashData(message.Body.Span)),
            Payload = message.Body,
            Headers = ReadOnlyDictionary<string, string>.Empty,
            Reason = reason,
            Attempts = 1,
            Failures = [new AttemptRecord(1, DateTimeOffset.UnixEpoch, reason)],
            EnqueuedAt = DateTimeOffset.UnixEpoch,
            DeadAt = DateTimeOffset.UnixEpoch,
        });
    }

    private sealed record Letter(QueueReader.Message Message, DeadLetterRecord Record)
    {
        /// <summary>Where it is in the order of time.</summary>
        public string Position { get; } = string.Create(CultureInfo.InvariantCulture, $"{Record.DeadAt.UtcTicks:D19}-{Record.MessageId}");
    }
}
