using Iii.Engine.Modules.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class RouteTableTests
{
    [Fact]
    public void Changes_are_published_together_after_a_pause()
    {
        var time = new FakeTimeProvider();
        using var table = new RouteTable(time, NullLogger.Instance);
        table.Add(RouteTrieTests.Route("GET", "a"));
        table.Add(RouteTrieTests.Route("GET", "b"));
        Assert.Equal(0, table.Published.Count);
        time.Advance(RouteTable.Pause);
        Assert.Equal(2, table.Published.Count);
        Assert.True(table.IsUpToDate);
    }

    [Fact]
    public void Last_registered_route_serves_and_the_earlier_one_when_it_leaves()
    {
        var time = new FakeTimeProvider();
        using var table = new RouteTable(time, NullLogger.Instance);
        var first = RouteTrieTests.Route("GET", "u/:id");
        var second = RouteTrieTests.Route("GET", "u/:name");
        table.Add(first);
        table.Add(second);
        time.Advance(RouteTable.Pause);
        Assert.Same(second, table.Published.Find("/u/1", RouteMethods.Get).Route);
        table.Remove(second);
        time.Advance(RouteTable.Pause);
        Assert.Same(first, table.Published.Find("/u/1", RouteMethods.Get).Route);
        table.Remove(first);
        time.Advance(RouteTable.Pause);
        Assert.Null(table.Published.Find("/u/1", RouteMethods.Get).Route);
    }

    [Fact]
    public async Task Ten_thousand_routes_from_ten_threads_are_all_there_in_the_end_and_lookups_go_on_meanwhile()
    {
        using var table = new RouteTable(TimeProvider.System, NullLogger.Instance);
        table.Add(RouteTrieTests.Route("GET", "always"));
        await HttpServer.UntilAsync(() => table.IsUpToDate);
        var threads = Enumerable.Range(0, 10).Select(worker => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < 1000; i++)
                {
                    table.Add(RouteTrieTests.Route("GET", $"w{worker}/r{i}/:id"));
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        await HttpServer.UntilAsync(() =>
        {
            Assert.NotNull(table.Published.Find("/always", RouteMethods.Get).Route);
            return threads.All(thread => thread.IsCompleted) && table.IsUpToDate;
        });
        Assert.Equal(10_001, table.Published.Count);
        Assert.NotNull(table.Published.Find("/w9/r999/x", RouteMethods.Get).Route);
    }
}
