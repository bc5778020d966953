namespace Iii.Engine.Gateways;

/// <summary>Options of the worker gateway.</summary>
public sealed record WorkerGatewayOptions
{
    /// <summary>h</summary>
    public string Host { get; init; } = "0.0.0.0";

    /// <summary>h</summary>
    public int Port { get; init; } = 49134;

    /// <summary>h</summary>
    public int MaxMessageBytes { get; init; } = 67108864;

    /// <summary>h</summary>
    public int PingIntervalMs { get; init; } = 20000;

    /// <summary>h</summary>
    public int PingTimeoutMs { get; init; } = 60000;

    /// <summary>h</summary>
    public long OutboundQueueBytes { get; init; } = 67108864;

    /// <summary>h</summary>
    public int OutboundQueueMessages { get; init; } = 65536;

    /// <summary>h</summary>
    public int InvocationTimeoutMs { get; init; } = 600000;

    /// <summary>h</summary>
    public int MaxRegistrations { get; init; } = 100000;

    /// <summary>h</summary>
    public int DrainTimeoutMs { get; init; } = 10000;
}
