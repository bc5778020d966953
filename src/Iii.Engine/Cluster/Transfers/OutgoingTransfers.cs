using System.Collections.Concurrent;
using Iii.Engine.Cluster.Wire;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Transfers;

/// <summary>Frames to one peer that are too large for the bus and go in parts, as fast as the peer takes them.</summary>
internal sealed class OutgoingTransfers(Peer peer, TimeProvider time)
{
    /// <summary>Bytes of one frame that may be on the way.</summary>
    public const long WindowBytes = 2 * 1024 * 1024;

    /// <summary>How long a peer may take nothing before the sending is given up.</summary>
    public static readonly TimeSpan StallTimeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<ulong, SendWindow> _windows = new();
    private ulong _lastId;

    /// <summary>Sends a frame in parts.</summary>
    public async ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<byte> frame)
    {
        var id = Interlocked.Increment(ref _lastId);
        var window = new SendWindow(WindowBytes, time);
        _windows[id] = window;
        try
        {
            for (var offset = 0; offset < frame.Length;)
            {
                var length = Math.Min(peer.PartBytes, frame.Length - offset);
                if (!await window.TryTakeAsync(length, StallTimeout))
                {
                    return SendOutcome.Stalled;
                }

                var part = PartOf(id, frame, offset, length);
                try
                {
                    var outcome = await peer.PublishAsync(part.Memory);
                    if (outcome != SendOutcome.Sent)
                    {
                        return outcome;
                    }
                }
                finally
                {
                    part.Return();
                }

                offset += length;
            }

            return window.IsBroken ? SendOutcome.Stalled : SendOutcome.Sent;
        }
        finally
        {
            _windows.TryRemove(id, out _);
        }
    }

    /// <summary>The peer has taken so much of a transfer, or gives it up.</summary>
    public void Acknowledged(ref ClusterFrameReader reader)
    {
        var id = reader.ReadUInt64();
        var taken = (long)reader.ReadUInt64();
        var isBroken = reader.ReadByte() != 0;
        if (_windows.TryGetValue(id, out var window))
        {
            if (isBroken)
            {
                window.Break();
            }
            else
            {
                window.Taken(taken);
            }
        }
    }

    /// <summary>Gives everything up: the peer is gone.</summary>
    public void BreakAll()
    {
        foreach (var (_, window) in _windows)
        {
            window.Break();
        }
    }

    private Frame PartOf(ulong id, ReadOnlyMemory<byte> frame, int offset, int length)
    {
        var part = peer.Begin(ClusterFrameKind.Part, length + 24);
        part.AppendUInt64(id);
        part.AppendUInt32((uint)offset);
        part.AppendUInt32((uint)frame.Length);
        part.Append(frame.Span.Slice(offset, length));
        return part.Build();
    }
}
