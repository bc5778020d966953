using System.Buffers;
using Iii.Engine.Cluster.Wire;

namespace Iii.Engine.Cluster.Transfers;

/// <summary>Frames of one peer that come in parts and are put together again.</summary>
/// <remarks>Bounded by <see cref="MaxFrameBytes"/> and <see cref="MaxTransfers"/>; what is beyond is refused, and the sender told. Thread-safe.</remarks>
internal sealed class IncomingTransfers(TimeProvider time)
{
    /// <summary>The largest frame: that of the largest message of a worker, and of the catalog of an instance with 100,000 functions.</summary>
    public const int MaxFrameBytes = 256 * 1024 * 1024;

    /// <summary>Transfers of one peer at the same time.</summary>
    public const int MaxTransfers = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Assembly> _assemblies = [];

    /// <summary>Takes a part.</summary>
    /// <param name="reader">The frame behind its beginning.</param>
    /// <param name="peer">Where it came from; it is told how much has been taken.</param>
    /// <returns>The whole frame when this was its last part; the caller gives it back to the shared pool.</returns>
    public (byte[] Rented, int Length)? Take(ref ClusterFrameReader reader, Peer peer)
    {
        var id = reader.ReadUInt64();
        var offset = reader.ReadUInt32();
        var total = reader.ReadUInt32();
        Assembly? done = null;
        long taken;
        lock (_lock)
        {
            if (!_assemblies.TryGetValue(id, out var assembly))
            {
                if (offset != 0 || total > MaxFrameBytes || _assemblies.Count >= MaxTransfers)
                {
                    Acknowledge(peer, id, 0, isBroken: true);
                    return null;
                }

                _assemblies.Add(id, assembly = new Assembly((int)total));
            }

            assembly.LastPart = time.GetTimestamp();
            if (!assembly.TryAdd(offset, reader.Rest))
            {
                // A part is missing: the bus has lost it, and the rest is of no use.
                assembly.Return();
                _assemblies.Remove(id);
                Acknowledge(peer, id, 0, isBroken: true);
                return null;
            }

            taken = assembly.Length;
            if (assembly.IsComplete)
            {
                _assemblies.Remove(id);
                done = assembly;
            }
        }

        Acknowledge(peer, id, taken, isBroken: false);
        return done is null ? null : (done.Rented, done.Length);
    }

    /// <summary>Forgets what has stopped coming.</summary>
    public void Sweep(TimeSpan patience)
    {
        lock (_lock)
        {
            foreach (var (id, assembly) in _assemblies)
            {
                if (time.GetElapsedTime(assembly.LastPart) > patience)
                {
                    assembly.Return();
                    _assemblies.Remove(id);
                }
            }
        }
    }

    private static void Acknowledge(Peer peer, ulong id, long taken, bool isBroken)
    {
        var frame = peer.Begin(ClusterFrameKind.PartAck, 24);
        frame.AppendUInt64(id);
        frame.AppendUInt64((ulong)taken);
        frame.AppendByte(isBroken ? (byte)1 : (byte)0);
        peer.Post(frame.Build(), isAnswer: true);
    }

    private sealed class Assembly(int total)
    {
        private const int FirstBytes = 1024 * 1024;

        // It grows with what comes: a length that is only claimed costs nothing.
        public byte[] Rented { get; private set; } = ArrayPool<byte>.Shared.Rent(Math.Min(total, FirstBytes));

        public int Length { get; private set; }

        public long LastPart { get; set; }

        public bool IsComplete => Length == total;

        public bool TryAdd(uint offset, ReadOnlySpan<byte> bytes)
        {
            if (offset != Length || bytes.IsEmpty || bytes.Length > total - Length)
            {
                return false;
            }

            if (Rented.Length - Length < bytes.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(total, Math.Max((long)Rented.Length * 2, Length + bytes.Length)));
                Rented.AsSpan(0, Length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(Rented);
                Rented = larger;
            }

            bytes.CopyTo(Rented.AsSpan(Length));
            Length += bytes.Length;
            return true;
        }

        public void Return() => ArrayPool<byte>.Shared.Return(Rented);
    }
}
