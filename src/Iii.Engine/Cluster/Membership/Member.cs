using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Invocations;

namespace Iii.Engine.Cluster.Membership;

/// <summary>Another instance of the cluster, as long as it is one.</summary>
internal sealed class Member(Peer peer, long now)
{
    private long _lastHeard = now;
    private volatile bool _isSuspect;
    private volatile bool _isGone;
    private volatile bool _isLeaving;

    public string Id => Peer.Id;

    /// <summary>The way to it.</summary>
    public Peer Peer => peer;

    /// <summary>The invocations that it works on for this instance.</summary>
    public PendingTable Pending { get; } = new();

    /// <summary>The copy of its catalog. Only to be touched under the membership's lock.</summary>
    public CatalogCopy Catalog { get; } = new();

    /// <summary>Whether the copy has been filled. Only to be touched under the membership's lock.</summary>
    public bool IsFilled { get; set; }

    /// <summary>When it was last heard of, on the membership's clock.</summary>
    public long LastHeard
    {
        get => Volatile.Read(ref _lastHeard);
        set => Volatile.Write(ref _lastHeard, value);
    }

    /// <summary>When a snapshot was last asked for; null when none is awaited. Only to be touched under the membership's lock.</summary>
    public long? SnapshotRequested { get; set; }

    /// <summary>Whether it has been silent for so long that calls had better go elsewhere.</summary>
    public bool IsSuspect
    {
        get => _isSuspect;
        set => _isSuspect = value;
    }

    /// <summary>Whether it has said goodbye: it finishes what it has.</summary>
    public bool IsLeaving
    {
        get => _isLeaving;
        set => _isLeaving = value;
    }

    /// <summary>Whether it is a member no longer; nothing more is sent to it.</summary>
    public bool IsGone
    {
        get => _isGone;
        set => _isGone = value;
    }
}
