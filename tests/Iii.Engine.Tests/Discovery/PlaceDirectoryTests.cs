using Iii.Engine.Discovery;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Discovery;

public sealed class PlaceDirectoryTests
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly PlaceDirectory _directory;
    private readonly List<string> _changed = [];
    private readonly List<(string, Places)> _announced = [];

    public PlaceDirectoryTests()
    {
        _directory = new PlaceDirectory("m", Settling, _time);
        _directory.Changed += _changed.Add;
        _directory.Announced += (limitId, places) => _announced.Add((limitId, places));
    }

    [Fact]
    public void What_a_holder_says_is_announced_once()
    {
        using var holder = _directory.Open("x");
        holder.Announce(new Places(IsTaker: true, 2));
        holder.Announce(new Places(IsTaker: true, 2));
        holder.Announce(default);
        Assert.Equal([("x", new Places(IsTaker: true, 2)), ("x", default)], _announced);
        Assert.Empty(_changed);
    }

    [Fact]
    public void Holders_of_one_limit_share_what_the_instance_may_have()
    {
        using var leaving = _directory.Open("x");
        using var next = _directory.Open("x");
        using var other = _directory.Open("y");
        leaving.Announce(new Places(IsTaker: false, 2));
        next.Announce(new Places(IsTaker: true, 1));
        Assert.Equal(("x", new Places(IsTaker: true, 3)), _announced[^1]);
        Assert.Equal(new Allowance(3, 3), next.Of(5));
        Assert.Equal(new Allowance(1, 1), next.Of(3));
        Assert.Equal(new Allowance(0, 0), next.Of(1));
        Assert.Equal(new Allowance(5, 5), other.Of(5));
        Assert.Equal(["x"], _changed);
        leaving.Dispose();
        Assert.Equal(new Allowance(3, 3), next.Of(3));
        Assert.Equal(["x", "x"], _changed);
    }

    [Fact]
    public void Others_count_until_they_have_nothing()
    {
        using var holder = _directory.Open("x");
        _directory.Set("x", "a", new Places(IsTaker: true, 4));
        Assert.Equal(new Allowance(2, 0), holder.Of(4));
        _directory.Set("x", "a", default);
        Assert.Equal(new Allowance(4, 4), holder.Of(4));
        Assert.Equal(["x", "x"], _changed);
    }

    [Fact]
    public void Limit_is_settled_a_while_after_the_last_taker_came_or_went()
    {
        using var holder = _directory.Open("x");
        Action[] changes =
        [
            () => holder.Announce(new Places(IsTaker: true, 0)),
            () => _directory.Set("x", "a", new Places(IsTaker: true, 1)),
            () => _directory.Retire("x", "a"),
            () => _directory.Set("x", "b", new Places(IsTaker: true, 0)),
            () => _directory.Set("x", "b", default),
        ];
        foreach (var change in changes)
        {
            Assert.Equal(TimeSpan.Zero, holder.UntilSettled);
            change();
            Assert.Equal(Settling, holder.UntilSettled);
            _time.Advance(Settling);
        }

        // How much one holds is no news of that kind.
        holder.Announce(new Places(IsTaker: true, 1));
        _directory.Forget("a");
        Assert.Equal(TimeSpan.Zero, holder.UntilSettled);
    }

    [Fact]
    public void Alone_an_instance_waits_for_nobody()
    {
        using var holder = _directory.Apart().Open("x");
        holder.Announce(new Places(IsTaker: true, 0));
        Assert.Equal(TimeSpan.Zero, holder.UntilSettled);
    }

    [Fact]
    public void One_that_leaves_takes_no_more_and_holds_what_it_held_until_it_is_gone()
    {
        using var holder = _directory.Open("x");
        _directory.Set("x", "a", new Places(IsTaker: true, 1));
        _directory.Set("y", "a", new Places(IsTaker: true, 0));
        Assert.True(_directory.Retire("x", "a"));
        Assert.False(_directory.Retire("y", "a"));
        Assert.False(_directory.Retire("z", "a"));
        Assert.Equal(new Allowance(2, 1), holder.Of(2));
        _directory.Forget("a");
        Assert.Equal(new Allowance(2, 2), holder.Of(2));
    }
}
