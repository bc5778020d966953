using Iii.Adapters.RabbitMq.Publishing;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>
/// The frames that a bus has to publish, put together per subject: while the batches of a subject that are under way reach a
/// bound, or the publisher is busy, frames gather in the next batch. So a lone frame leaves at once, and under load messages
/// grow instead of becoming more.
/// </summary>
internal sealed class BusOutbox(string exchange, int maxBytes) : IPublicationSource
{
    /// <summary>A batch takes no more frames beyond this; a larger frame travels alone.</summary>
    public const int MaxBatchBytes = 64 * 1024;

    /// <summary>Batches of one subject under way. More keeps the broker busy, fewer lets batches grow.</summary>
    private const int MaxInFlightPerSubject = 2;

    private readonly Dictionary<string, SubjectLine> _lines = new(StringComparer.Ordinal);
    private readonly Queue<SubjectLine> _ready = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private readonly Lock _lock = new();
    private BrokerException? _closedWhy;
    private ulong _lastNumber;
    private long _bytes;

    public string Exchange => exchange;

    public bool HasNext => _ready.Count > 0;

    /// <summary>Takes a frame, now or when there is room.</summary>
    /// <exception cref="BrokerException">The connection is down.</exception>
    public ValueTask<PublishOutcome> AddAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_lock)
        {
            if (_closedWhy is { } why)
            {
                throw new BrokerException(why.Code, why.Message, why);
            }

            if (_waiters.Count == 0 && HasRoomFor(frame))
            {
                return new ValueTask<PublishOutcome>(Append(subject, frame.Span));
            }

            waiter = new Waiter(subject, frame);
            _waiters.AddLast(waiter.Node);
        }

        return WaitAsync(waiter, cancellationToken);
    }

    public void Open()
    {
        lock (_lock)
        {
            _closedWhy = null;
        }
    }

    public void Close(BrokerException why)
    {
        List<BusBatch> batches;
        List<Waiter> waiters;
        lock (_lock)
        {
            _closedWhy = why;
            batches = [.. _lines.Values.SelectMany(line => line.Waiting)];
            waiters = [.. _waiters];
            foreach (var line in _lines.Values)
            {
                line.Waiting.Clear();
            }

            _waiters.Clear();
        }

        batches.ForEach(batch => batch.Fail(why));
        waiters.ForEach(waiter => waiter.Admitted.TrySetException(why));
    }

    public Publication? TakeNext()
    {
        lock (_lock)
        {
            while (_ready.TryDequeue(out var line))
            {
                line.IsReady = false;
                if (line.Waiting.First is { Value: var batch })
                {
                    line.Waiting.RemoveFirst();
                    line.InFlight++;
                    batch.IsInFlight = true;
                    Update(line);
                    return batch;
                }

                Update(line);
            }

            return null;
        }
    }

    /// <summary>Its outcome is known: makes room, and lets those in who wait for it.</summary>
    public void Forget(BusBatch batch)
    {
        lock (_lock)
        {
            _bytes -= batch.Weight;
            batch.Line.InFlight -= batch.IsInFlight ? 1 : 0;
            Update(batch.Line);
            while (_waiters.First is { Value: var waiter } && HasRoomFor(waiter.Frame))
            {
                _waiters.RemoveFirst();
                waiter.Admitted.TrySetResult(Append(waiter.Subject, waiter.Frame.Span));
            }
        }
    }

    private async ValueTask<PublishOutcome> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(_ => Leave(waiter, cancellationToken), null).ConfigureAwait(false))
        {
            var outcome = await waiter.Admitted.Task.ConfigureAwait(false);
            return await outcome.ConfigureAwait(false);
        }
    }

    private void Leave(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (waiter.Node.List is null)
            {
                return;
            }

            _waiters.Remove(waiter.Node);
        }

        waiter.Admitted.TrySetCanceled(cancellationToken);
    }

    /// <summary>An empty outbox takes a frame of any size.</summary>
    private bool HasRoomFor(ReadOnlyMemory<byte> frame) => _bytes == 0 || _bytes + BusBatch.WeightOf(frame.Span) <= maxBytes;

    private Task<PublishOutcome> Append(string subject, ReadOnlySpan<byte> frame)
    {
        if (!_lines.TryGetValue(subject, out var line))
        {
            _lines[subject] = line = new SubjectLine(subject);
        }

        var weight = BusBatch.WeightOf(frame);
        if (line.Waiting.Last is not { Value: var batch } || batch.Weight + weight > MaxBatchBytes)
        {
            batch = new BusBatch(this, line, ++_lastNumber, frame.Length);
            line.Waiting.AddLast(batch);
        }

        batch.Add(frame);
        _bytes += weight;
        Update(line);
        return batch.Outcome;
    }

    /// <summary>Makes a line ready, or forgets it, by what it is now.</summary>
    private void Update(SubjectLine line)
    {
        if (line.Waiting.Count > 0 && line.InFlight < MaxInFlightPerSubject && !line.IsReady)
        {
            line.IsReady = true;
            _ready.Enqueue(line);
        }
        else if (line.Waiting.Count == 0 && line.InFlight == 0 && !line.IsReady && _lines.GetValueOrDefault(line.Subject) == line)
        {
            _lines.Remove(line.Subject);
        }
    }

    private sealed class Waiter
    {
        public Waiter(string subject, ReadOnlyMemory<byte> frame)
        {
            (Subject, Frame) = (subject, frame);
            Node = new LinkedListNode<Waiter>(this);
        }

        public string Subject { get; }

        public ReadOnlyMemory<byte> Frame { get; }

        public LinkedListNode<Waiter> Node { get; }

        public TaskCompletionSource<Task<PublishOutcome>> Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
