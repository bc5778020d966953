using Iii.Engine.Modules.Queue;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class PaceTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Steps_are_as_far_apart_as_the_rate_says()
    {
        var pace = new Pace(10, _time);
        await pace.WaitAsync(2);
        var next = pace.WaitAsync(1).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(199));
        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await next;
    }

    [Fact]
    public async Task Time_in_which_there_was_nothing_to_do_is_not_made_up_for()
    {
        var pace = new Pace(10, _time);
        _time.Advance(TimeSpan.FromMinutes(1));
        await pace.WaitAsync(1);
        Assert.False(pace.WaitAsync(1).AsTask().IsCompleted);
    }

    [Fact]
    public void Without_a_rate_nothing_waits()
    {
        var pace = new Pace(0, _time);
        Assert.Equal((500, true, true), (pace.Stride(500), pace.WaitAsync(500).AsTask().IsCompleted, pace.WaitAsync(500).AsTask().IsCompleted));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(19, 1)]
    [InlineData(100, 10)]
    [InlineData(1_000_000, 500)]
    public void Steps_taken_together_are_a_tenth_of_a_second_within_a_bound(long perSecond, int expected) =>
        Assert.Equal(expected, new Pace(perSecond, _time).Stride(500));
}
