namespace Iii.Engine.Hosting;

/// <summary>Where a running engine listens.</summary>
/// <param name="Name">What is served there: <c>workers</c>, <c>http</c>.</param>
/// <param name="Host">The address bound to.</param>
/// <param name="Port">The port bound to.</param>
public sealed record ListenerAddress(string Name, string Host, int Port);
