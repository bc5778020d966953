using System.Text;
using System.Text.Json;
using Iii.Engine.Configuration;
using Iii.Engine.Discovery;

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

    /// <summary>The worker in records that people read when it is long gone: its name, clipped, and its id in brackets; the id if it has no name.</summary>
    public string LabelOf(string workerId) => string.IsNullOrEmpty(Name) ? workerId : $"{DisplayText.Clip(Name)} ({workerId})";

    /// <summary>
    /// Reads the input of <c>engine::workers::register</c>: runtime, version and telemetry replace what was said before, the
    /// rest only where it is given.
    /// </summary>
    /// <exception cref="EngineFunctionException">A member is of another kind than it must be.</exception>
    public static WorkerMetadata Read(EngineCall call, JsonElement input, WorkerMetadata previous) => previous with
    {
        Runtime = EngineFunctions.Text(call, input, "runtime") ?? "unknown",
        Version = EngineFunctions.Text(call, input, "version"),
        Name = EngineFunctions.Text(call, input, "name") ?? previous.Name,
        Os = EngineFunctions.Text(call, input, "os") ?? previous.Os,
        Description = EngineFunctions.Text(call, input, "description") ?? previous.Description,
        Isolation = EngineFunctions.Text(call, input, "isolation") ?? previous.Isolation,
        Pid = input.TryGetProperty("pid", out var pid) && pid.ValueKind == JsonValueKind.Number && pid.TryGetInt64(out var number)
            ? number
            : previous.Pid,
        Telemetry = input.TryGetProperty("telemetry", out var telemetry) && telemetry.ValueKind == JsonValueKind.Object
            ? Encoding.UTF8.GetBytes(telemetry.GetRawText())
            : null,
    };
}
