using Iii.Engine.Cluster.Transfers;

namespace Iii.Engine.Cluster.Relays;

/// <summary>One channel that goes on at another instance, seen from here.</summary>
internal interface IRelay
{
    Guid Id { get; }

    /// <summary>The other side.</summary>
    Peer Peer { get; }

    /// <summary>The other side is lost.</summary>
    void Break();
}
