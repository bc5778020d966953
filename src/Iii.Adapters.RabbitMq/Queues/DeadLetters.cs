using System.Collections.ObjectModel;
using System.Globalization;
using System.Security.Cryptography;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// The dead letters of a group: they lie in a queue of their own, which is read from its beginning under a lock and given back. What
/// nobody can read is shown as it is.
/// </summary>
internal sealed class DeadLetters(RabbitMqConnection connection, QueueStore store)
{
    /// <summary>Most that are looked at.</summary>
    private const ushort MaxRead = 10_000;

    private const string Unreadable = "unreadable";

    public async Task<Page<DeadLetterRecord>> ListAsync(string queue, string group, PageRequest page, CancellationToken cancellationToken)
    {
        // The first of those after the cursor, by time of death; what is given back may come in another order.
        var found = new SortedDictionary<string, DeadLetterRecord>(StringComparer.Ordinal);
        await ReadAsync(queue, group, (_, letter) =>
        {
            var position = Position(letter.Record);
            if (page.After is null || string.CompareOrdinal(position, page.After) > 0)
            {
                found[position] = letter.Record;
                if (found.Count > page.Limit + 1)
                {
                    found.Remove(found.Keys.Last());
                }
            }

            return Task.FromResult(false);
        }, cancellationToken).ConfigureAwait(false);
        return found.Count > page.Limit
            ? new Page<DeadLetterRecord>([.. found.Values.Take(page.Limit)], found.Keys.ElementAt(page.Limit - 1))
            : new Page<DeadLetterRecord>([.. found.Values], null);
    }

    public Task<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken) =>
        ReadAsync(queue, group, async (reader, letter) =>
        {
            if (letter.Record.MessageId != messageId)
            {
                return false;
            }

            if (!await store.RedriveAsync(queue, group, messageId, letter.Fresh).ConfigureAwait(false))
            {
                throw Full(queue, group);
            }

            await reader.AckAsync(letter.Message).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    public async Task<int> RedriveAsync(string queue, string group, IReadOnlyCollection<string> messageIds, CancellationToken cancellationToken)
    {
        var wanted = messageIds.ToHashSet(StringComparer.Ordinal);
        var stored = new List<(QueueReader.Message Message, Task<bool> IsStored)>();
        var redriven = 0;
        await ReadAsync(
            queue,
            group,
            (_, letter) =>
            {
                if (wanted.Remove(letter.Record.MessageId))
                {
                    stored.Add((letter.Message, store.RedriveAsync(queue, group, letter.Record.MessageId, letter.Fresh)));
                }

                return Task.FromResult(wanted.Count == 0);
            },
            cancellationToken,
            async reader =>
            {
                foreach (var (message, isStored) in stored)
                {
                    // One that was not stored stays a dead letter, and so do those that were not waited for when the broker is lost.
                    if (await isStored.ConfigureAwait(false))
                    {
                        await reader.AckAsync(message).ConfigureAwait(false);
                        redriven++;
                    }
                }
            }).ConfigureAwait(false);
        return redriven == stored.Count ? redriven : throw Full(queue, group);
    }

    public Task<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken) =>
        ReadAsync(queue, group, async (reader, letter) =>
        {
            if (letter.Record.MessageId != messageId)
            {
                return false;
            }

            await reader.AckAsync(letter.Message).ConfigureAwait(false);
            return true;
        }, cancellationToken);

    private static BrokerException Full(string queue, string group) => new(
        BrokerErrorCodes.LimitExceeded, $"The group '{group}' of the queue '{queue}' is full; what was not put back stays a dead letter.");

    /// <summary>Looks at one after the other until one says that it was the last to be looked at.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="group">The group.</param>
    /// <param name="look">Looks at one; whether it was the last.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="finish">Called in the end, while they can still be acknowledged.</param>
    /// <returns>Whether one was the last.</returns>
    private async Task<bool> ReadAsync(
        string queue,
        string group,
        Func<QueueReader, Letter, Task<bool>> look,
        CancellationToken cancellationToken,
        Func<QueueReader, Task>? finish = null)
    {
        var patience = connection.Options.OperationTimeout;
        var (names, dead) = (connection.Names, connection.Names.DeadQueue(queue, group));
        await using var held = await connection.Locks.AcquireAsync(names.DeadLock(queue, group), patience, cancellationToken).ConfigureAwait(false);
        await using var reader = await QueueReader.OpenAsync(
            connection.Consuming.Require(), dead, MaxRead, patience, cancellationToken).ConfigureAwait(false);
        if (reader is null)
        {
            return false;
        }

        var isLast = false;
        for (var i = 0; i < Math.Min(reader.Count, MaxRead) && !isLast; i++)
        {
            var message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            isLast = await look(reader, Read(queue, group, message)).ConfigureAwait(false);
        }

        if (finish is not null)
        {
            await finish(reader).ConfigureAwait(false);
        }

        return isLast;
    }

    private static string Position(DeadLetterRecord record) =>
        string.Create(CultureInfo.InvariantCulture, $"{record.DeadAt.UtcTicks:D19}-{record.MessageId}");

    private static Letter Read(string queue, string group, QueueReader.Message message)
    {
        if (QueueRecordFormat.TryRead(message.Body) is not { } record)
        {
            return ReadForeign(queue, group, message);
        }

        var failures = record.Failures;
        var fresh = record with { Attempts = 0, Failures = [], DeadAt = null };
        return new Letter(message, QueueRecordFormat.Write(fresh), new DeadLetterRecord
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
        return new Letter(message, message.Body, new DeadLetterRecord
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

    /// <summary>A dead letter, and what it would be when it was redriven.</summary>
    private sealed record Letter(QueueReader.Message Message, ReadOnlyMemory<byte> Fresh, DeadLetterRecord Record);
}
