namespace Iii.TestServers;

/// <summary>How a <see cref="RedisServer"/> runs. The defaults keep nothing on disk.</summary>
public sealed record RedisServerOptions
{
    /// <summary><c>always</c>, <c>everysec</c> or <c>no</c>: when the append-only file is synced. Null: there is no such file.</summary>
    public string? AppendFsync { get; init; }

    /// <summary>The password of the default user; null for none.</summary>
    public string? Password { get; init; }

    /// <summary>What happens when memory is full.</summary>
    public string MaxMemoryPolicy { get; init; } = "noeviction";

    /// <summary>Whether it is a cluster of one node, which holds all slots.</summary>
    public bool IsCluster { get; init; }

    /// <summary>Further arguments, such as <c>--client-output-buffer-limit pubsub 1mb 0 0</c>, one string each.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];
}
