namespace Iii.Engine.Cluster.Relays;

/// <summary>What the owner of a channel says to a socket that wants an end of it.</summary>
internal enum ClaimOutcome : byte
{
    /// <summary>There is no such channel, the key is wrong, or its owner cannot be reached.</summary>
    NotFound,

    /// <summary>Somebody has the end, or had it.</summary>
    Taken,

    /// <summary>The socket has the end.</summary>
    Claimed,
}
