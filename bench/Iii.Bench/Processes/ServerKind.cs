namespace Iii.Bench.Processes;

/// <summary>Which server to start: the relay, or the engine when its binary is given.</summary>
internal sealed record ServerKind(string Name, string? EngineBinary)
{
    public static ServerKind Relay { get; } = new("relay", null);

    public static ServerKind Engine(string binary) => new("engine", binary);
}
