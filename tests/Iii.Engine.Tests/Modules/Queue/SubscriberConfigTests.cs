using System.Text;
using Iii.Engine.Modules.Queue;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class SubscriberConfigTests
{
    [Fact]
    public void Without_a_queue_config_the_module_decides()
    {
        var defaults = new QueueOptions { MaxAttempts = 7, BackoffMs = 20, Concurrency = 4, Type = QueueType.Fifo };
        var config = Read("""{"topic":"t"}""", defaults: defaults);
        Assert.Equal(new RetryOptions(7, TimeSpan.FromMilliseconds(20)), config.Retry);
        Assert.Equal((4, QueueType.Fifo, SubscriberConfig.DefaultLeaseTime, TimeSpan.Zero), (config.Concurrency, config.Type, config.LeaseTime, config.Delay));
    }

    [Fact]
    public void Every_field_is_read()
    {
        var config = Read(
            """
            {"topic":"t","_condition_path":"c","queue_config":{"type":"fifo","maxRetries":5,"concurrency":2,"clusterConcurrency":7,"backoffType":"linear",
            "backoffDelayMs":250,"visibilityTimeout":60,"delaySeconds":9}}
            """);
        Assert.Equal(
            new SubscriberConfig(
                "t", "c", new RetryOptions(5, TimeSpan.FromMilliseconds(250), BackoffType.Linear), 2, 7, QueueType.Fifo, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(9)),
            config);
    }

    [Theory]
    [InlineData(false, 0, 1)]
    [InlineData(false, 1, 1)]
    [InlineData(false, 5, 5)]
    [InlineData(true, 0, 1)]
    [InlineData(true, 1, 2)]
    [InlineData(true, 5, 6)]
    [InlineData(true, uint.MaxValue, int.MaxValue)]
    public void Retries_are_attempts_of_a_queue_and_come_on_top_for_a_durable_subscriber(bool isDurable, uint retries, int attempts) =>
        Assert.Equal(attempts, Read($$"""{"topic":"t","queue_config":{"maxRetries":{{retries}} } }""", isDurable).Retry.MaxAttempts);

    [Theory]
    [InlineData("type", "\"concurrent\"")]
    [InlineData("type", "\"standard\"")]
    [InlineData("maxRetries", "null")]
    public void Is_understood(string field, string value)
    {
        Read($$"""{"topic":"t","queue_config":{"{{field}}":{{value}} } }""", ignored: null);
    }

    [Theory]
    [InlineData("type", "\"lifo\"")]
    [InlineData("type", "5")]
    [InlineData("type", "[\"fifo\"]")]
    [InlineData("maxRetries", "\"5\"")]
    [InlineData("maxRetries", "-1")]
    [InlineData("maxRetries", "1.5")]
    [InlineData("maxRetries", "1e400")]
    [InlineData("concurrency", "{\"x\":[1,{}]}")]
    [InlineData("concurrency", "true")]
    [InlineData("clusterConcurrency", "0")]
    [InlineData("clusterConcurrency", "-3")]
    [InlineData("clusterConcurrency", "\"3\"")]
    [InlineData("clusterConcurrency", "2.5")]
    [InlineData("backoffType", "\"cubic\"")]
    [InlineData("backoffDelayMs", "99999999999999999999")]
    [InlineData("visibilityTimeout", "[]")]
    [InlineData("delaySeconds", "\"soon\"")]
    [InlineData("somethingElse", "{}")]
    public void What_is_not_understood_is_ignored_and_named(string field, string value)
    {
        var config = Read($$"""{"topic":"t","queue_config":{"{{field}}":{{value}} } }""", ignored: field);
        Assert.Equal(Read("""{"topic":"t"}"""), config);
    }

    [Fact]
    public void Queue_config_that_is_no_object_is_ignored() => Read("""{"topic":"t","queue_config":[1]}""", ignored: "queue_config");

    [Theory]
    [InlineData("concurrency", "0", 1)]
    [InlineData("concurrency", "4294967295", 10_000)]
    public void Concurrency_is_kept_within_its_bounds(string field, string value, int expected) =>
        Assert.Equal(expected, Read($$"""{"topic":"t","queue_config":{"{{field}}":{{value}} } }""").Concurrency);

    [Theory]
    [InlineData("null", null)]
    [InlineData("1", 1)]
    [InlineData("4294967295", int.MaxValue)]
    public void Cluster_concurrency_is_a_number_from_1(string value, int? expected) =>
        Assert.Equal(expected, Read($$"""{"topic":"t","queue_config":{"clusterConcurrency":{{value}} } }""").ClusterConcurrency);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(30, 30)]
    [InlineData(uint.MaxValue, 12 * 60 * 60)]
    public void Lease_time_is_kept_within_its_bounds(uint seconds, int expected) => Assert.Equal(
        TimeSpan.FromSeconds(expected), Read($$"""{"topic":"t","queue_config":{"visibilityTimeout":{{seconds}} } }""").LeaseTime);

    [Fact]
    public void Backoff_is_at_most_a_quarter_of_an_hour() => Assert.Equal(
        TimeSpan.FromMinutes(15), Read("""{"topic":"t","queue_config":{"backoffDelayMs":4000000000}}""").Retry.Backoff);

    private static SubscriberConfig Read(string json, bool isDurable = false, QueueOptions? defaults = null, string? ignored = null)
    {
        var config = SubscriberConfig.Read(Encoding.UTF8.GetBytes(json), "t", isDurable, defaults ?? new QueueOptions(), out var actual);
        Assert.Equal(ignored, actual);
        return config;
    }
}
