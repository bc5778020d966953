using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>How a folder keeps jobs.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Polling">How consumers look for messages. Clocks have to agree to within a fraction of a lease time.</param>
public sealed record DirectoryQueueOptions(string Folder, PollingOptions Polling)
{
    /// <summary>The bounds. A folder is listed again and again, so that a group holds fewer messages than elsewhere: 10,000.</summary>
    public BrokerLimits Limits { get; init; } = new() { MaxQueueLength = 10_000 };
}
