namespace Iii.Engine.Gateways;

/// <summary>What a worker says about itself (protocol §5.1). Swapped whole.</summary>
internal sealed record WorkerMetadata
{
    public static readonly WorkerMetadata None = new();

    private static readonly (int Major, int Minor) FirstWithChannels = (0, 9);

    public string? Name { get; init; }

    public string? Runtime { get; init; }

    public string? Version { get; init; }

    /// <summary>Whether the SDK knows channels, as it does from 0.9 on; a worker that says nothing of its version may.</summary>
    public bool KnowsChannels
    {
        get
        {
            var parts = (Version ?? "").Split('.');
            return parts.Length < 2 || !int.TryParse(parts[0], out var major) || !int.TryParse(parts[1], out var minor)
                || (major, minor).CompareTo(FirstWithChannels) >= 0;
        }
    }

    public string? Os { get; init; }

    public string? Description { get; init; }

    public string? Isolation { get; init; }

    public long? Pid { get; init; }

    /// <summary>JSON as it came.</summary>
    public byte[]? Telemetry { get; init; }
}
