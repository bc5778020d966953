namespace Iii.Engine.Hosting;

/// <summary>What the health page says of the cluster.</summary>
internal interface IClusterStatus
{
    /// <summary>This instance.</summary>
    string Instance { get; }

    /// <summary>
    /// Hex digits that are the same on instances which see the same: the same members with the same registrations. Equal digests
    /// everywhere mean that the cluster has settled.
    /// </summary>
    string Digest { get; }

    /// <summary>Whether the broker can be reached. Without it the instance does what it can do alone.</summary>
    bool IsConnected { get; }

    /// <summary>
    /// The instances that this one knows, itself included: <c>alive</c> or <c>suspect</c>, and the digest of what is known to be
    /// registered there.
    /// </summary>
    IReadOnlyList<(string Instance, string Status, string Digest)> Members { get; }
}
