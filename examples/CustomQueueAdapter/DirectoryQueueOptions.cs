using Iii.Broker;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CustomQueueAdapter;

/// <summary>How a folder keeps jobs.</summary>
/// <param name="Folder">The folder. It is made when it is not there.</param>
public sealed record DirectoryQueueOptions(string Folder)
{
    /// <summary>How often a consumer that has nothing to do looks for messages. Default 50 ms.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The bounds. A folder is listed again and again, so that a group holds fewer messages than elsewhere: 10,000.</summary>
    public BrokerLimits Limits { get; init; } = new() { MaxQueueLength = 10_000 };

    /// <summary>The clock. Those of all instances have to agree to within a fraction of a lease time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where problems with files are told.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}
