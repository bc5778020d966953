namespace Iii.EndToEnd.Tests.Clusters;

public sealed class RedisClusterConcurrencyTests(RedisFixture fixture) : ClusterConcurrencyScenarios(fixture), IClassFixture<RedisFixture>;
