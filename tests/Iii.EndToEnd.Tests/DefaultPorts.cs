namespace Iii.EndToEnd.Tests;

/// <summary>The tests that need the engine's default ports: one after another, and with nothing else at the same time.</summary>
[CollectionDefinition(nameof(DefaultPorts), DisableParallelization = true)]
public sealed class DefaultPorts;
