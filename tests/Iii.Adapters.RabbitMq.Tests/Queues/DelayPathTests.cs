using Iii.Adapters.RabbitMq.Queues;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Tests.Queues;

public sealed class DelayPathTests
{
    [Fact]
    public void A_path_is_never_shorter_than_its_delay_and_hardly_longer()
    {
        var random = new Random(7);
        for (var i = 0; i < 100_000; i++)
        {
            var delay = TimeSpan.FromMilliseconds(Math.Pow(10, random.NextDouble() * Math.Log10(new BrokerLimits().MaxDelay.TotalMilliseconds)));
            var path = DelayPath.Of(delay);
            var steps = Enumerable.Range(0, DelayPath.Levels).Where(path.Passes).ToList();
            Assert.Equal(path.Total, TimeSpan.FromTicks(steps.Sum(level => DelayPath.Duration(level).Ticks)));
            Assert.Equal(steps[^1], path.HighestLevel);
            Assert.True(path.Total >= delay, $"{delay} became {path.Total}");
            Assert.True(path.Total <= (delay * 1.002) + DelayPath.Quantum, $"{delay} became {path.Total}");
        }
    }

    [Fact]
    public void The_longest_delay_of_the_contract_has_a_path() =>
        Assert.InRange(DelayPath.Longest, new BrokerLimits().MaxDelay, DelayPath.Of(TimeSpan.MaxValue).Total);

    [Fact]
    public void The_routing_key_names_the_steps_and_the_destination_and_matches_their_bindings()
    {
        var path = DelayPath.Of(DelayPath.Quantum * 5);
        var key = path.RoutingKey("there");
        Assert.EndsWith("0.0.1.0.1.there", key, StringComparison.Ordinal);
        Assert.True(path.RoutingKey(RabbitMqNames.Destination("there")).Length <= 255);
        for (var level = 0; level < DelayPath.Levels; level++)
        {
            var words = DelayPath.BindingKey(level, path.Passes(level)).Split('.');
            Assert.Equal("#", words[^1]);
            Assert.All(words[..^1].Zip(key.Split('.')), static pair => Assert.True(pair.First == "*" || pair.First == pair.Second));
        }
    }

    [Fact]
    public void No_queue_of_a_step_keeps_a_message_for_longer_than_the_broker_can()
    {
        for (var level = 0; level < DelayPath.Levels; level++)
        {
            var timeToLive = DelayPath.Duration(level) / DelayPath.Stages(level);
            Assert.InRange(timeToLive.TotalMilliseconds, 16, uint.MaxValue);
            Assert.Equal(DelayPath.Duration(level), timeToLive * DelayPath.Stages(level));
        }
    }
}
