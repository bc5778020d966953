using System.Buffers;
using Iii.Engine.Configuration;

namespace Iii.Engine.Cluster;

/// <summary>Who this instance is among the instances that meet over one broker, and how soon they notice that one is gone.</summary>
/// <remarks>In the file: <c>cluster</c> at the top. The times must be the same on all instances of a cluster.</remarks>
public sealed record ClusterOptions : IValidatableOptions
{
    /// <summary>Longest <see cref="Name"/> and <see cref="InstanceId"/>, in characters.</summary>
    public const int MaxNameLength = 64;

    /// <summary>Default of <see cref="Name"/>.</summary>
    public const string DefaultName = "iii";

    /// <summary>Default of <see cref="HeartbeatIntervalMs"/>.</summary>
    public const int DefaultHeartbeatIntervalMs = 250;

    /// <summary>Default of <see cref="SuspectTimeoutMs"/>.</summary>
    public const int DefaultSuspectTimeoutMs = 1_000;

    /// <summary>Default of <see cref="MemberTimeoutMs"/>.</summary>
    public const int DefaultMemberTimeoutMs = 2_500;

    /// <summary>Default of <see cref="LeaveSettleMs"/>.</summary>
    public const int DefaultLeaveSettleMs = 100;

    private static readonly TimeSpan ShortestSettling = TimeSpan.FromMilliseconds(500);

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    /// <summary>
    /// Name of the cluster: 1 to 64 letters, digits, <c>_</c> and <c>-</c>. Default <c>iii</c>. Instances of different names do not
    /// see each other, even over the same broker.
    /// </summary>
    public string Name { get; init; } = DefaultName;

    /// <summary>
    /// A name for this instance: 1 to 64 letters, digits, <c>_</c> and <c>-</c>. A suffix that is drawn at each start makes it unique.
    /// Default null: the suffix alone.
    /// </summary>
    public string? InstanceId { get; init; }

    /// <summary>Time between two signs of life to the other instances, in milliseconds. Default 250.</summary>
    public int HeartbeatIntervalMs { get; init; } = DefaultHeartbeatIntervalMs;

    /// <summary>
    /// Silence after which another instance is suspect, in milliseconds. Default 1,000, and more than two heartbeats. A suspect
    /// instance gets no calls, and those under way there fail as stopped.
    /// </summary>
    public int SuspectTimeoutMs { get; init; } = DefaultSuspectTimeoutMs;

    /// <summary>
    /// Silence after which another instance counts as gone, in milliseconds. Default 2,500, and more than
    /// <see cref="SuspectTimeoutMs"/>. All that its workers registered goes with it.
    /// </summary>
    public int MemberTimeoutMs { get; init; } = DefaultMemberTimeoutMs;

    /// <summary>
    /// How long a leaving instance still takes what the others sent before they knew, in milliseconds. Default 100; 0 does not wait.
    /// </summary>
    public int LeaveSettleMs { get; init; } = DefaultLeaveSettleMs;

    /// <summary>
    /// How long it takes at most until all have heard of something, even if the message was lost: the next heartbeat shows that, and the
    /// answer to a question repairs it. At least half a second.
    /// </summary>
    internal TimeSpan Settling
    {
        get
        {
            var repaired = TimeSpan.FromMilliseconds(2L * HeartbeatIntervalMs);
            return repaired > ShortestSettling ? repaired : ShortestSettling;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<OptionError> Validate() =>
    [
        .. CheckName("name", Name),
        .. InstanceId is null ? [] : CheckName("instance_id", InstanceId),
        .. OptionError.Minimum("heartbeat_interval_ms", HeartbeatIntervalMs, 1),
        .. OptionError.Unless(
            SuspectTimeoutMs > 2L * HeartbeatIntervalMs,
            "suspect_timeout_ms",
            $"{SuspectTimeoutMs} is not more than two heartbeats (heartbeat_interval_ms is {HeartbeatIntervalMs}); a single late one "
            + "must not make an instance suspect"),
        .. OptionError.Unless(
            MemberTimeoutMs > SuspectTimeoutMs,
            "member_timeout_ms",
            $"{MemberTimeoutMs} is not more than suspect_timeout_ms ({SuspectTimeoutMs}); an instance is suspect before it is gone"),
        .. OptionError.Minimum("leave_settle_ms", LeaveSettleMs, 0),
    ];

    private static IEnumerable<OptionError> CheckName(string path, string name) =>
        OptionError.Unless(
            name.Length is > 0 and <= MaxNameLength && !name.AsSpan().ContainsAnyExcept(NameCharacters),
            path,
            $"{DisplayText.Quote(name)} is no name; write 1 to {MaxNameLength} letters, digits, '_' or '-'");
}
