namespace Iii.Engine.Gateways;

/// <summary>What a worker says about itself (protocol §5.1). Swapped whole.</summary>
internal sealed record WorkerMetadata
{
    public static readonly WorkerMetadata None = new();

    public string? Name { get; init; }

    public string? Runtime { get; init; }

    public string? Version { get; init; }

    public string? Os { get; init; }

    public string? Description { get; init; }

    public string? Isolation { get; init; }

    public long? Pid { get; init; }

    /// <summary>JSON as it came.</summary>
    public byte[]? Telemetry { get; init; }
}
