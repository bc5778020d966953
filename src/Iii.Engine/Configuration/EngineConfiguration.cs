using Iii.Engine.Gateways;

namespace Iii.Engine.Configuration;

/// <summary>x</summary>
public sealed record EngineConfiguration
{
    /// <summary>x</summary>
    public WorkerGatewayOptions Gateway { get; init; } = new();

    /// <summary>x</summary>
    public string Source { get; init; } = "defaults";
}
