namespace Iii.Adapters.MassTransit.Tests;

public class MassTransitNamesTests
{
    private static readonly MassTransitNames Names = new("shop");

    [Theory]
    [InlineData("topic:orders")]
    [InlineData("topic:orders.placed")]
    [InlineData("queue:a-b_c")]
    public void What_MassTransit_allows_stands_as_it_is(string queue) => Assert.Equal($"iii:shop:{queue}", Names.Entry(queue));

    [Theory]
    [InlineData("topic:a b")]
    [InlineData("topic:é")]
    [InlineData("topic:a..b")]
    [InlineData("topic:a.")]
    [InlineData("topic:a_error")]
    [InlineData("topic:a_groups")]
    [InlineData("topic:a\n")]
    public void Everything_else_is_hashed(string queue) => Assert.Matches(@"\Aiii:shop:\.[0-9a-f]{32}\z", Names.Entry(queue));

    [Fact]
    public void Names_are_golden()
    {
        Assert.Equal("iii:shop:topic:orders_groups", Names.Groups("topic:orders"));
        Assert.Equal("iii:shop:topic:orders_held", Names.Held("topic:orders"));
        Assert.Equal("iii:shop:topic:orders..fn:a::b", Names.Jobs("topic:orders", "fn:a::b"));
        Assert.Equal("iii:shop:topic:orders..fn:a::b_error", Names.Dead("topic:orders", "fn:a::b"));
        Assert.Equal("iii:shop:.9d8a0cd", Names.Entry("topic:a b")[..17]);
    }

    [Fact]
    public void Different_queues_and_groups_never_share_a_name()
    {
        (string Queue, string Group)[] pairs = [("a", "b"), ("a.", "b"), ("a", ".b"), ("a..b", "c"), ("a", "b..c"), ("a", "b_error"), ("a_error", "b"), ("a", "_lock")];
        var all = pairs.SelectMany(static pair => (string[])[Names.Jobs(pair.Queue, pair.Group), Names.Dead(pair.Queue, pair.Group)]).ToArray();
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.All(all, static name => Assert.Matches(@"\A[A-Za-z0-9_.:-]{1,250}\z", name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a:b")]
    [InlineData("a b")]
    public void What_is_no_cluster_is_refused(string cluster) => Assert.Throws<ArgumentException>(() => new MassTransitNames(cluster));
}
