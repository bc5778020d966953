namespace Iii.EndToEnd.Tests.Clusters;

public sealed class RabbitMqClusterTests(RabbitMqFixture fixture) : ClusterScenarios(fixture), IClassFixture<RabbitMqFixture>;
