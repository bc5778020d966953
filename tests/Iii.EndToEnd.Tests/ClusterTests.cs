using System.Net;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests;

/// <summary>Several engines over one broker, behind a balancer.</summary>
public class ClusterTests
{
    [Theory]
    [InlineData(ClusterBroker.Redis)]
    [InlineData(ClusterBroker.RabbitMq)]
    public async Task Engines_over_one_broker_see_each_other(string adapter)
    {
        await using var broker = await ClusterBroker.StartAsync(adapter);
        await using var cluster = await Cluster.StartAsync(broker);
        await cluster.WaitUntilEqualDigestsAsync();

        await cluster.KillAsync(1);
        await cluster.WaitUntilEqualDigestsAsync();
        Assert.Equal(0, await cluster.TerminateAsync(2));
        await cluster.WaitUntilEqualDigestsAsync();
        await cluster.RestartAsync(1);
        await cluster.RestartAsync(2);
        await cluster.WaitUntilEqualDigestsAsync();
    }

    [Fact]
    public async Task Restarting_one_engine_after_the_other_fails_no_request()
    {
        await using var broker = await ClusterBroker.StartAsync(ClusterBroker.Redis);
        await using var cluster = await Cluster.StartAsync(broker, engines: 2, drainDelayMs: 1500);
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, 4).Select(_ => AskAsync(cluster.Balancer.Http, stop.Token)).ToArray();
        for (var engine = 0; engine < cluster.Count; engine++)
        {
            Assert.Equal(0, await cluster.TerminateAsync(engine));
            await cluster.WaitUntilBalancerSeesAsync(engine, isUp: false);
            await cluster.RestartAsync(engine);
            await cluster.WaitUntilBalancerSeesAsync(engine, isUp: true);
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(asking), static answered => Assert.NotEqual(0, answered));
    }

    /// <summary>Asks for a path that no engine serves, again and again: every answer comes from an engine.</summary>
    private static async Task<int> AskAsync(HttpClient client, CancellationToken stop)
    {
        for (var answered = 0; ; answered++)
        {
            if (stop.IsCancellationRequested)
            {
                return answered;
            }

            using var response = await client.GetAsync("nothing/here", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }
    }
}
