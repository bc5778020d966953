namespace Iii.Engine.Cluster.Transfers;

/// <summary>Learns of frames that were queued for a peer and certainly did not arrive there.</summary>
internal interface IOutboxObserver
{
    /// <summary>A frame did not arrive. Its bytes are lent for the time of the call, which must not block.</summary>
    void Undelivered(Peer peer, ReadOnlySpan<byte> frame, SendOutcome outcome);
}
