namespace Iii.Engine.Cluster.Transfers;

/// <summary>What became of a frame to another instance.</summary>
internal enum SendOutcome
{
    /// <summary>It is on its way, and may still be lost.</summary>
    Sent,

    /// <summary>Nobody listens there: the instance is gone, and nobody got it.</summary>
    NobodyListens,

    /// <summary>The broker cannot be reached.</summary>
    Unavailable,

    /// <summary>Too much waits to be sent there already; it never left.</summary>
    Full,

    /// <summary>It was sent in pieces and the other side stopped taking them; it did not arrive whole.</summary>
    Stalled,
}
