namespace Iii.EndToEnd.Tests.Clusters;

public sealed class RabbitMqClusterConcurrencyTests(RabbitMqFixture fixture) : ClusterConcurrencyScenarios(fixture), IClassFixture<RabbitMqFixture>;
