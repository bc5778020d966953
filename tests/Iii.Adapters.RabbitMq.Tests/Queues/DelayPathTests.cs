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
    public void The_headers_name_the_first_step_and_match_the_bindings_of_those_that_follow()
    {
        var path = DelayPath.Of(DelayPath.Quantum * 5);
        var headers = path.Headers();
        Assert.Equal([("iii-first-step", 2), ("iii-step-02", 1), ("iii-step-01", 0), ("iii-step-00", 1)], headers.Select(each => (each.Key, (int)each.Value!)));
        Assert.True(Match(DelayPath.BindingOfFirst(2)));
        for (var level = 0; level <= path.HighestLevel; level++)
        {
            Assert.True(Match(DelayPath.Binding(level, path.Passes(level))));
            Assert.False(Match(DelayPath.Binding(level, !path.Passes(level))));
        }

        bool Match(Dictionary<string, object?> binding) =>
            Equals(binding["x-match"], "all") && binding.Where(each => each.Key != "x-match").All(each => Equals(headers[each.Key], each.Value));
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
