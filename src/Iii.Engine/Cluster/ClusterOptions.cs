namespace Iii.Engine.Cluster;

/// <summary>How this instance finds and watches the others.</summary>
public sealed record ClusterOptions
{
    /// <summary>Instances with the same name on the same broker are one cluster. Default <c>iii</c>.</summary>
    public string Name { get; init; } = "iii";

    /// <summary>A name for this instance. A suffix that is drawn at each start makes it unique. Default: the suffix alone.</summary>
    public string? InstanceId { get; init; }

    /// <summary>Time between two signs of life, in milliseconds. Default 250.</summary>
    public int HeartbeatIntervalMs { get; init; } = 250;

    /// <summary>After so much silence an instance gets no calls, and those that it has fail, in milliseconds. Default 1,000.</summary>
    public int SuspectTimeoutMs { get; init; } = 1000;

    /// <summary>After so much silence an instance is gone, with all that it provides, in milliseconds. Default 2,500.</summary>
    public int MemberTimeoutMs { get; init; } = 2500;

    /// <summary>How long a leaving instance still takes what the others sent before they knew, in milliseconds. Default 100.</summary>
    public int LeaveSettleMs { get; init; } = 100;
}
