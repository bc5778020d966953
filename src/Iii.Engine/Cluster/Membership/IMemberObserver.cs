using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Transfers;

namespace Iii.Engine.Cluster.Membership;

/// <summary>What the rest of the engine learns of the other instances.</summary>
/// <remarks>
/// Called under the membership's lock, in the order of what happens; must be quick, must not block and must not call the membership. Only
/// the members below <see cref="Apply"/> are called outside of it.
/// </remarks>
internal interface IMemberObserver
{
    /// <summary>Entries of a member's catalog have changed. When it leaves, all of them are gone.</summary>
    void Apply(Member member, IReadOnlyList<CatalogEffect> effects);

    /// <summary>What the member works on for this instance, or sent to it, is lost: it has gone, is silent, or frames were dropped.</summary>
    void Unreachable(Member member, string reason);

    /// <summary>A member that has said goodbye works on nothing of this instance any more.</summary>
    void Finished(Member member);

    /// <summary>Peers to watch although they may be no members any more, since something goes on there.</summary>
    IEnumerable<Peer> WatchedPeers { get; }

    /// <summary>Nobody listens where a watched peer should.</summary>
    void PeerGone(Peer peer);

    /// <summary>The bus has gone, or has come back.</summary>
    void BusChanged(bool isHealthy);
}
