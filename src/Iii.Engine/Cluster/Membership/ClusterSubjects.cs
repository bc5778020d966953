namespace Iii.Engine.Cluster.Membership;

/// <summary>The subjects of the bus that a cluster uses.</summary>
internal static class ClusterSubjects
{
    /// <summary>What every instance listens to.</summary>
    public static string Members(string cluster) => $"{cluster}.cluster";

    /// <summary>What one instance listens to.</summary>
    public static string Inbox(string cluster, string instance) => $"{cluster}.inbox.{instance}";
}
