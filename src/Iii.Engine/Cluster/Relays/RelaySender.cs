using Iii.Engine.Channels;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;

namespace Iii.Engine.Cluster.Relays;

/// <summary>Reads a channel here and sends what it reads to another instance, as fast as that takes it.</summary>
internal sealed class RelaySender(Guid id, Peer peer, MessageChannel channel, TimeProvider time) : IRelay
{
    /// <summary>Bytes that may be on the way, or wait at the other side.</summary>
    public const int WindowBytes = 1024 * 1024;

    /// <summary>What a frame counts beside its bytes, so that empty messages are bounded too.</summary>
    public const int FrameCost = 64;

    private readonly SendWindow _window = new(WindowBytes, time);
    private uint _sequence;

    public Guid Id => id;

    public Peer Peer => peer;

    /// <summary>Runs until all is sent, or nobody takes it any more.</summary>
    public async Task RunAsync()
    {
        while (await channel.WaitToReadAsync())
        {
            while (channel.TryRead(out var message))
            {
                bool isSent;
                try
                {
                    isSent = await SendAsync(message);
                }
                finally
                {
                    message.Return();
                }

                if (!isSent)
                {
                    channel.CloseReader();
                    return;
                }
            }
        }

        var ending = channel.Ending;
        channel.CloseReader();
        if (!_window.IsBroken)
        {
            var frame = peer.Begin(ClusterFrameKind.ChannelEnd, 24);
            frame.AppendGuid(id);
            frame.AppendByte((byte)ending);
            peer.Post(frame.Build(), isAnswer: true);
        }
    }

    /// <summary>The other side has taken so much in all.</summary>
    public void Taken(long total) => _window.Taken(total);

    /// <summary>The other side takes nothing any more: its reader has gone, or it has itself.</summary>
    public void Break()
    {
        _window.Break();
        channel.CloseReader();
    }

    private async ValueTask<bool> SendAsync(ChannelMessage message)
    {
        var offset = 0;
        do
        {
            var length = Math.Min(peer.PartBytes, message.Length - offset);
            if (!await _window.TryTakeAsync(length + FrameCost, Timeout.InfiniteTimeSpan))
            {
                return false;
            }

            var frame = peer.Begin(ClusterFrameKind.ChannelData, length + 24);
            frame.AppendGuid(id);
            frame.AppendUInt32(_sequence++);
            frame.AppendByte((byte)((message.IsText ? 1 : 0) | (offset + length == message.Length ? 2 : 0)));
            frame.Append(message.Span.Slice(offset, length));
            var data = frame.Build();
            try
            {
                if (await peer.SendAsync(data.Memory, isAnswer: true) != SendOutcome.Sent)
                {
                    return false;
                }
            }
            finally
            {
                data.Return();
            }

            offset += length;
        }
        while (offset < message.Length);
        return true;
    }
}
