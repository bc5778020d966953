using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>How a folder keeps jobs.</summary>
/// <param name="Folder">The folder.</param>
public sealed record DirectoryQueueOptions(string Folder)
{
    /// <summary>The bounds. A folder is listed again and again, so that a group holds fewer messages than elsewhere: 10,000.</summary>
    public BrokerLimits Limits { get; init; } = new() { MaxQueueLength = 10_000 };

    /// <summary>How consumers look for messages. The clocks of all instances have to agree to within a fraction of a lease time.</summary>
    public PollingOptions Polling { get; init; } = new();
}
