namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>The tests that share one <see cref="StrictEngine"/>, one after another.</summary>
[CollectionDefinition(nameof(StrictEngine))]
public sealed class StrictEngines : ICollectionFixture<StrictEngine>;
