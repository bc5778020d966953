using System.Collections.Concurrent;
using Iii.Engine.Cluster.Wire;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Transfers;

/// <summary>
/// Small frames on their way to one peer. Those that wait go together in one frame of the bus, since what a bus costs is mostly per frame.
/// </summary>
/// <remarks>Many enqueue and never wait; at most <see cref="MaxBatches"/> batches are on the way at the same time, in order.</remarks>
internal sealed class PeerOutbox(Peer peer)
{
    /// <summary>Frames up to this size are put together; larger ones gain nothing from it.</summary>
    public const int MaxFrameBytes = 16 * 1024;

    private const int MaxBatches = 2;
    private const int UsualBatchBytes = 64 * 1024;

    private readonly ConcurrentQueue<Frame> _frames = new();
    private readonly Lock _packing = new();
    private int _batches;
    private int _isScheduled;

    /// <summary>Queues a frame; the outbox owns it from now on, and has counted it as waiting.</summary>
    public void Enqueue(Frame frame)
    {
        _frames.Enqueue(frame);
        Schedule();
    }

    private void Schedule()
    {
        // Not at once: whoever sends one frame often has the next one ready, and the two then go together.
        if (Volatile.Read(ref _isScheduled) == 0 && Interlocked.Exchange(ref _isScheduled, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static outbox => outbox.Drain(), this, preferLocal: true);
        }
    }

    private void Drain()
    {
        Volatile.Write(ref _isScheduled, 0);
        Interlocked.MemoryBarrier();
        while (true)
        {
            Frame batch;
            ValueTask<SendOutcome> publishing;
            lock (_packing)
            {
                // The call of the bus is made under the lock, so that batches leave in the order in which they were packed.
                if (_batches >= MaxBatches || !TryPack(out batch))
                {
                    return;
                }

                _batches++;
                publishing = peer.PublishAsync(batch.Memory);
            }

            if (publishing.IsCompletedSuccessfully)
            {
                Published(batch, publishing.Result);
            }
            else
            {
                _ = AwaitAsync(batch, publishing);
            }
        }
    }

    private async Task AwaitAsync(Frame batch, ValueTask<SendOutcome> publishing)
    {
        Published(batch, await publishing);
        if (!_frames.IsEmpty)
        {
            Drain();
        }
    }

    private void Published(Frame batch, SendOutcome outcome)
    {
        Interlocked.Decrement(ref _batches);
        var bytes = batch.Span;
        if (outcome != SendOutcome.Sent)
        {
            ForEach(bytes, (peer, outcome), static (state, frame) => state.peer.Observer.Undelivered(state.peer, frame, state.outcome));
        }

        batch.Return();
    }

    /// <summary>Puts what waits into one frame; a single frame goes as it is.</summary>
    private bool TryPack(out Frame batch)
    {
        if (!_frames.TryDequeue(out batch))
        {
            return false;
        }

        peer.NoLongerWaits(batch.Length);
        if (_frames.IsEmpty)
        {
            return true;
        }

        var limit = Math.Min(UsualBatchBytes, peer.MaxBusFrameBytes) - MaxFrameBytes - 64;
        var builder = peer.Begin(ClusterFrameKind.Batch, Math.Min(UsualBatchBytes, (batch.Length + 4) * 8));
        builder.AppendBlob(batch.Span);
        batch.Return();
        while (builder.Length < limit && _frames.TryDequeue(out var next))
        {
            peer.NoLongerWaits(next.Length);
            builder.AppendBlob(next.Span);
            next.Return();
        }

        batch = builder.Build();
        return true;
    }

    /// <summary>The frames in a batch, or the one frame that was sent as it is.</summary>
    private static void ForEach<TState>(ReadOnlySpan<byte> bytes, TState state, Action<TState, ReadOnlySpan<byte>> action)
    {
        if (!ClusterFrameReader.TryBegin(bytes, out var kind, out _, out var reader) || kind != ClusterFrameKind.Batch)
        {
            action(state, bytes);
            return;
        }

        while (!reader.Rest.IsEmpty)
        {
            action(state, reader.ReadBlob());
        }
    }
}
