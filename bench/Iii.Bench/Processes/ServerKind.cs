namespace Iii.Bench.Processes;

/// <summary>Which server to start: the relay, or the engine when its binary is given.</summary>
internal sealed record ServerKind(string Name, string? EngineBinary, string Configuration = "")
{
    public static ServerKind Relay { get; } = new("relay", null);

    /// <param name="binary">The executable.</param>
    /// <param name="configuration">What its file says beside the two ports, YAML.</param>
    public static ServerKind Engine(string binary, string configuration = "") => new("engine", binary, configuration);
}
