using System.Threading.Channels;
using Iii.Protocol;

namespace Iii.Engine.Gateways;

/// <summary>The frames that wait to be sent to one worker. Many write, one loop reads; nobody ever waits to write.</summary>
/// <remarks>Bounded by bytes and by messages; a single frame larger than the bound is taken when nothing else waits.</remarks>
internal sealed class OutboundQueue(long maxBytes, int maxMessages)
{
    private readonly Channel<Frame> _frames = Channel.CreateUnbounded<Frame>(new UnboundedChannelOptions { SingleReader = true });
    private long _bytes;
    private int _messages;

    public ChannelReader<Frame> Frames => _frames.Reader;

    /// <summary>Queues a frame; on false the caller still owns it.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="isClosed">On false: whether the queue is closed, rather than full.</param>
    public bool TryEnqueue(Frame frame, out bool isClosed)
    {
        isClosed = false;
        var bytes = Interlocked.Add(ref _bytes, frame.Length);
        var messages = Interlocked.Increment(ref _messages);
        if ((bytes <= maxBytes && messages <= maxMessages) || messages == 1)
        {
            if (_frames.Writer.TryWrite(frame))
            {
                return true;
            }

            isClosed = true;
        }

        Sent(frame);
        return false;
    }

    /// <summary>Says that a frame taken from <see cref="Frames"/> has left.</summary>
    public void Sent(Frame frame)
    {
        Interlocked.Add(ref _bytes, -frame.Length);
        Interlocked.Decrement(ref _messages);
    }

    /// <summary>Takes no more frames; those that wait can still be read.</summary>
    public void Close() => _frames.Writer.TryComplete();
}
