using System.Collections.ObjectModel;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// What a consumer in order leaves to the one whose turn is next: attempts and failures of the messages that it gives back, which the
/// broker keeps as they were enqueued.
/// </summary>
/// <remarks>
/// A note is a record without payload, in a queue that exists from the end of a turn to the beginning of the next. It is a classic queue:
/// while its node is away the notes are lost, which costs a count and no message, and nobody waits for them. Only who has the turn may
/// take or leave notes. The last word, when all are there, says so: what has no note then was not begun, although the broker may have
/// delivered it, which it does until the turn has ended.
/// </remarks>
internal sealed class AttemptNotes(RabbitMqConnection connection, QueuePublisher publisher)
{
    /// <summary>Notes that are written at the same time.</summary>
    private const int Window = 256;

    /// <summary>In place of the id of a message.</summary>
    private const string LastWord = "complete";

    /// <summary>Takes the notes of the turn before, by the id of their message, and whether they are all that there is to know.</summary>
    public async Task<(Dictionary<string, QueueRecord> Notes, bool AreComplete)> TakeAsync(LinkSession session, string queue, string group, CancellationToken cancellationToken)
    {
        var name = connection.Names.NotesQueue(queue, group);
        var notes = new Dictionary<string, QueueRecord>(StringComparer.Ordinal);
        await using var reader = await QueueReader.OpenAsync(
            session, name, ushort.MaxValue, connection.Options.OperationTimeout, cancellationToken).ConfigureAwait(false);
        if (reader is null)
        {
            return (notes, false);
        }

        var areComplete = false;
        for (var read = 0u; read < reader.Count; read++)
        {
            var message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            areComplete |= message.MessageId == LastWord;
            if (QueueRecordFormat.TryRead(message.Body) is { } note)
            {
                notes[note.MessageId] = note;
            }
        }

        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        await probe.QueueDeleteAsync(name, ifUnused: false, ifEmpty: false, cancellationToken: CancellationToken.None).ConfigureAwait(false);
        return (notes, areComplete);
    }

    /// <summary>Leaves notes to the next turn. When it is not possible they are lost; never throws.</summary>
    public async Task LeaveAsync(LinkSession session, string queue, string group, IReadOnlyCollection<QueueRecord> records)
    {
        var left = 0;
        try
        {
            var name = connection.Names.NotesQueue(queue, group);
            await using var probe = await session.OpenProbeAsync(CancellationToken.None).ConfigureAwait(false);
            var arguments = new Dictionary<string, object?> { ["x-queue-type"] = "classic" };
            await probe.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments).ConfigureAwait(false);
            foreach (var some in records.Chunk(Window))
            {
                var outcomes = await Task.WhenAll(some.Select(
                    record => publisher.PublishAsync("", name, record.MessageId, Write(record), CancellationToken.None))).ConfigureAwait(false);
                left += outcomes.Count(static outcome => outcome == PublicationOutcome.Stored);
            }

            if (left == records.Count)
            {
                await publisher.PublishAsync("", name, LastWord, ReadOnlyMemory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
            }
            else
            {
                connection.Logger.NotesLost(queue, records.Count - left, "RabbitMQ refused the notes");
            }
        }
        catch (Exception exception) when (exception is BrokerException || LinkErrors.IsFailure(exception))
        {
            connection.Logger.NotesLost(queue, records.Count - left, exception.Message);
        }
    }

    private static ReadOnlyMemory<byte> Write(QueueRecord record) =>
        QueueRecordFormat.Write(record with { Payload = default, Headers = ReadOnlyDictionary<string, string>.Empty });
}
