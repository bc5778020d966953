using System.Buffers;
using System.Threading.Channels;
using Iii.Engine.Channels;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;

namespace Iii.Engine.Cluster.Relays;

/// <summary>Writes what comes from another instance into a channel here, and says how much of it has been taken.</summary>
/// <remarks>What waits is bounded by the sender's window. A frame that is missing ends the channel as lost.</remarks>
internal sealed class RelayReceiver(Guid id, Peer peer, MessageChannel channel, int maxMessageBytes) : IRelay
{
    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>(new UnboundedChannelOptions { SingleReader = true });
    private uint _expected;
    private ChannelEnding _ending = ChannelEnding.Lost;

    public Guid Id => id;

    public Peer Peer => peer;

    /// <summary>Runs until the writing has ended, or the reader here has gone.</summary>
    public async Task RunAsync()
    {
        var writing = WriteAsync();
        await Task.WhenAny(writing, channel.ReaderGone);
        if (!writing.IsCompleted)
        {
            var frame = peer.Begin(ClusterFrameKind.ChannelReaderGone, 16);
            frame.AppendGuid(id);
            peer.Post(frame.Build(), isAnswer: true);
            _pieces.Writer.TryComplete();
            await writing;
        }
    }

    /// <summary>Takes a frame, in the order of the bus.</summary>
    public void Data(ref ClusterFrameReader reader)
    {
        var sequence = reader.ReadUInt32();
        var flags = reader.ReadByte();
        if (sequence != _expected++)
        {
            Break();
            return;
        }

        var rented = ArrayPool<byte>.Shared.Rent(Math.Max(1, reader.Rest.Length));
        reader.Rest.CopyTo(rented);
        if (!_pieces.Writer.TryWrite(new Piece(rented, reader.Rest.Length, (flags & 1) != 0, (flags & 2) != 0)))
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>The writing has ended.</summary>
    public void End(ChannelEnding ending)
    {
        _ending = ending;
        _pieces.Writer.TryComplete();
    }

    public void Break() => _pieces.Writer.TryComplete();

    private async Task WriteAsync()
    {
        byte[]? whole = null;
        var length = 0;
        var taken = 0L;
        var isTooLong = false;
        await foreach (var piece in _pieces.Reader.ReadAllAsync())
        {
            taken += piece.Length + RelaySender.FrameCost;
            if (whole is null && piece.IsLast)
            {
                await channel.WriteAsync(new ChannelMessage(piece.Rented, piece.Length, piece.IsText));
            }
            else
            {
                isTooLong |= length + piece.Length > maxMessageBytes;
                whole = isTooLong ? whole ?? [] : Append(whole, length, piece);
                length += piece.Length;
                ArrayPool<byte>.Shared.Return(piece.Rented);
                if (piece.IsLast && !isTooLong)
                {
                    await channel.WriteAsync(new ChannelMessage(whole, length, piece.IsText));
                    (whole, length) = (null, 0);
                }
            }

            if (isTooLong)
            {
                // The other side's own bound is another one: not all of it can be passed on.
                _ending = ChannelEnding.Lost;
                break;
            }

            Credit(taken);
        }

        if (whole is { Length: > 0 })
        {
            ArrayPool<byte>.Shared.Return(whole);
        }

        channel.Complete(_ending);
    }

    private void Credit(long taken)
    {
        var frame = peer.Begin(ClusterFrameKind.ChannelCredit, 24);
        frame.AppendGuid(id);
        frame.AppendUInt64((ulong)taken);
        peer.Post(frame.Build(), isAnswer: true);
    }

    private static byte[] Append(byte[]? whole, int length, Piece piece)
    {
        if (whole is null || whole.Length - length < piece.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max((whole?.Length ?? 0) * 2, length + piece.Length));
            if (whole is not null)
            {
                whole.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(whole);
            }

            whole = larger;
        }

        piece.Rented.AsSpan(0, piece.Length).CopyTo(whole.AsSpan(length));
        return whole;
    }

    private readonly record struct Piece(byte[] Rented, int Length, bool IsText, bool IsLast);
}
