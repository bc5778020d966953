using Iii.Adapters.RabbitMq.Queues;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Tests.Queues;

public sealed class DelayPathTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(30, 32)]
    [InlineData(32, 32)]
    public void A_path_leaves_a_near_part_as_long_as_the_lead_and_not_much_longer(int leadSeconds, int unitSeconds)
    {
        var lead = TimeSpan.FromSeconds(leadSeconds);
        var random = new Random(7);
        for (var i = 0; i < 100_000; i++)
        {
            var delay = TimeSpan.FromMilliseconds(Math.Pow(10, random.NextDouble() * Math.Log10(new BrokerLimits().MaxDelay.TotalMilliseconds)));
            var path = DelayPath.Of(delay, lead);
            var steps = Enumerable.Range(0, DelayPath.Levels).Where(path.Passes).ToList();
            var near = delay - path.Total;
            Assert.Equal(path.Total, TimeSpan.FromTicks(steps.Sum(level => DelayPath.Duration(level).Ticks)));
            Assert.Equal(steps.Count == 0 ? -1 : steps[^1], path.HighestLevel);
            Assert.True(path.Total == TimeSpan.Zero || near >= lead, $"of {delay} {near} is left");
            Assert.True(near < lead + TimeSpan.FromSeconds(unitSeconds), $"of {delay} {near} is left");
        }
    }

    [Fact]
    public void The_longest_delay_of_the_contract_has_a_path()
    {
        var lead = TimeSpan.FromSeconds(30);
        Assert.InRange(DelayPath.Longest, new BrokerLimits().MaxDelay, TimeSpan.MaxValue);
        Assert.InRange(DelayPath.Of(TimeSpan.MaxValue, lead).Total, new BrokerLimits().MaxDelay, DelayPath.Longest);
    }

    [Fact]
    public void The_headers_name_the_first_step_and_match_the_bindings_of_those_that_follow()
    {
        var path = DelayPath.Of(TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(1));
        var headers = new Dictionary<string, object?>();
        path.WriteTo(headers);
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
    public void A_delay_without_a_far_part_passes_no_step()
    {
        var headers = new Dictionary<string, object?>();
        DelayPath.Of(TimeSpan.FromSeconds(59), TimeSpan.FromSeconds(30)).WriteTo(headers);
        Assert.Equal(DelayPath.BindingOfFirst(-1)["iii-first-step"], Assert.Single(headers).Value);
    }

    [Theory]
    [InlineData(-5, 1)]
    [InlineData(0, 1)]
    [InlineData(1.9, 1)]
    [InlineData(60, 32)]
    [InlineData(1e12, 1 << 24)]
    public void A_single_step_is_the_longest_that_fits(double seconds, int expected)
    {
        var path = DelayPath.StepOf(TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.MaxValue.TotalSeconds / 2)));
        Assert.Equal(TimeSpan.FromSeconds(expected), path.Total);
        Assert.Equal(DelayPath.Duration(path.HighestLevel), path.Total);
    }

    [Fact]
    public void No_queue_of_a_step_keeps_a_message_for_longer_than_the_broker_can()
    {
        for (var level = 0; level < DelayPath.Levels; level++)
        {
            var timeToLive = DelayPath.Duration(level) / DelayPath.Stages(level);
            Assert.InRange(timeToLive.TotalMilliseconds, 1_000, uint.MaxValue);
            Assert.Equal(DelayPath.Duration(level), timeToLive * DelayPath.Stages(level));
        }
    }
}
