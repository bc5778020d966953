namespace Iii.EndToEnd.Tests.Clusters;

public sealed class RedisClusterTests(RedisFixture fixture) : ClusterScenarios(fixture), IClassFixture<RedisFixture>;
