using System.Threading.Channels;
using Iii.Protocol;

namespace Iii.Engine.Gateways;

/// <summary>What became of a frame that was to be queued.</summary>
internal enum EnqueueResult
{
    /// <summary>The queue owns the frame.</summary>
    Queued,

    /// <summary>There is no room now; the caller still owns the frame.</summary>
    Full,

    /// <summary>The queue takes nothing any more; the caller still owns the frame.</summary>
    Closed,
}

/// <summary>The frames that wait to be sent to one worker. Many write, one loop reads; nobody ever waits to write.</summary>
/// <remarks>Bounded by bytes and by messages; a single frame larger than the bound is taken when nothing else waits.</remarks>
internal sealed class OutboundQueue(long maxBytes, int maxMessages)
{
    private readonly Channel<Frame> _frames = Channel.CreateUnbounded<Frame>(new UnboundedChannelOptions { SingleReader = true });
    private volatile bool _isClosed;
    private long _bytes;
    private int _messages;

    public ChannelReader<Frame> Frames => _frames.Reader;

    /// <summary>Queues a frame.</summary>
    public EnqueueResult Enqueue(Frame frame)
    {
        if (_isClosed)
        {
            return EnqueueResult.Closed;
        }

        if (!TryReserve(frame.Length))
        {
            return EnqueueResult.Full;
        }

        if (_frames.Writer.TryWrite(frame))
        {
            return EnqueueResult.Queued;
        }

        Sent(frame);
        return EnqueueResult.Closed;
    }

    /// <summary>Says that a frame taken from <see cref="Frames"/> has left.</summary>
    public void Sent(Frame frame)
    {
        Interlocked.Add(ref _bytes, -frame.Length);
        Interlocked.Decrement(ref _messages);
    }

    /// <summary>Takes no more frames; those that wait can still be read.</summary>
    public void Close()
    {
        _isClosed = true;
        _frames.Writer.TryComplete();
    }

    /// <summary>Takes room only when there is enough, so that a large frame that is refused takes none from a small one meanwhile.</summary>
    private bool TryReserve(int length)
    {
        var bytes = Volatile.Read(ref _bytes);
        while (true)
        {
            if (bytes > 0 && bytes + length > maxBytes)
            {
                return false;
            }

            var seen = Interlocked.CompareExchange(ref _bytes, bytes + length, bytes);
            if (seen == bytes)
            {
                break;
            }

            bytes = seen;
        }

        if (Interlocked.Increment(ref _messages) <= maxMessages)
        {
            return true;
        }

        Interlocked.Decrement(ref _messages);
        Interlocked.Add(ref _bytes, -length);
        return false;
    }
}
