using System.Collections.Concurrent;
using System.Text;
using Iii.Broker;
using Iii.Engine.Cluster.Transfers;

namespace Iii.Engine.Cluster.Membership;

/// <summary>The ways to other instances, by their ids: members, and those that left but may still be owed an answer.</summary>
internal sealed class PeerTable(
    string cluster, string self, IMessageBus bus, IOutboxObserver observer, ClusterMetrics metrics, TimeProvider time)
{
    /// <summary>Ways that are kept for instances that are no members. Beyond it frames of further strangers are ignored.</summary>
    public const int MaxPeers = 4096;

    /// <summary>The longest id of an instance, in bytes.</summary>
    public const int MaxIdBytes = 96;

    /// <summary>How long the way to an instance that is no member is kept after its last use.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, Peer> _peers = new(StringComparer.Ordinal);
    private readonly byte[] _self = Encoding.UTF8.GetBytes(self);

    public int Count => _peers.Count;

    /// <summary>The sender of a frame.</summary>
    /// <returns>Null when its id is none, or there are too many strangers.</returns>
    public Peer? Find(ReadOnlySpan<byte> sender)
    {
        if (sender.IsEmpty || sender.Length > MaxIdBytes)
        {
            return null;
        }

        Span<char> characters = stackalloc char[MaxIdBytes];
        var id = characters[..Encoding.UTF8.GetChars(sender, characters)];
        if (_peers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var peer))
        {
            peer.LastUsed = time.GetTimestamp();
            return peer;
        }

        return Get(new string(id));
    }

    /// <summary>The way to an instance.</summary>
    public Peer? Get(string id) =>
        _peers.TryGetValue(id, out var peer) ? peer
            : _peers.Count >= MaxPeers ? null
            : _peers.GetOrAdd(id, id => new Peer(id, ClusterSubjects.Inbox(cluster, id), _self, bus, observer, metrics, time));

    /// <summary>Forgets the ways that nobody has used for long.</summary>
    public void Sweep(Func<string, bool> isMember)
    {
        foreach (var (id, peer) in _peers)
        {
            peer.Incoming.Sweep(OutgoingTransfers.StallTimeout);
            if (!isMember(id) && time.GetElapsedTime(peer.LastUsed) > Kept)
            {
                _peers.TryRemove(id, out _);
            }
        }
    }
}
