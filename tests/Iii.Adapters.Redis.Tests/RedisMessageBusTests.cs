using System.Text;
using System.Text.RegularExpressions;

namespace Iii.Adapters.Redis.Tests;

/// <summary>What the Redis bus does beyond the contract.</summary>
public sealed partial class RedisMessageBusTests(RedisFixture redis)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Subscriptions_come_back_after_a_crash_of_the_server_and_are_told_of_the_gap()
    {
        await using var server = await RedisServer.StartAsync();
        await using var instances = new RedisInstances(server);
        var (listener, _) = await instances.OpenBusAsync();
        var (speaker, _) = await instances.OpenBusAsync();
        var seen = new Recorder<(string Text, bool AfterGap)>();
        foreach (var subject in (string[])["a", "b"])
        {
            await listener.SubscribeAsync(subject, Record(seen), Cancel);
            await speaker.PublishAsync(subject, Bytes("before"), Cancel);
        }

        await seen.WaitForAsync(2);
        server.Kill();
        await Eventually.HoldsAsync("both notice", () => !listener.IsConnected && !speaker.IsConnected);
        await RefusesAsync(() => speaker.PublishAsync("a", Bytes("lost"), Cancel).AsTask());
        await RefusesAsync(() => speaker.SubscribeAsync("a", Record(seen), Cancel).AsTask());
        await server.StartAsync();
        await Eventually.HoldsAsync("both are back", () => listener.IsConnected && speaker.IsConnected);

        foreach (var subject in (string[])["a", "b"])
        {
            Assert.Equal(PublishOutcome.Sent, await speaker.PublishAsync(subject, Bytes(subject), Cancel));
        }

        await seen.WaitForAsync(4);
        Assert.Equal([("a", true), ("b", true), ("before", false), ("before", false)], seen.Items.Order());
    }

    [Fact]
    public async Task A_server_that_hangs_fails_calls_in_bounded_time_and_then_at_once_until_it_goes_on()
    {
        await using var server = await RedisServer.StartAsync();
        await using var instances = new RedisInstances(server);
        var (bus, _) = await instances.OpenBusAsync(options => options with
        {
            CommandTimeout = TimeSpan.FromMilliseconds(500),
            CheckInterval = TimeSpan.FromMinutes(1),
        });
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);

        server.Pause();
        await RefusesAsync(() => bus.PublishAsync("subject", Bytes("1"), Cancel).AsTask());
        Assert.False(bus.IsConnected);
        var next = RefusesAsync(async () => await bus.PublishAsync("subject", Bytes("2"), Cancel));
        Assert.True(next.IsCompleted);
        await next;
        server.Resume();
        await Eventually.HoldsAsync("it answers again", () => bus.IsConnected);

        Assert.Equal(PublishOutcome.Sent, await bus.PublishAsync("subject", Bytes("3"), Cancel));
        await Eventually.HoldsAsync("it is heard", () => seen.Items.Any(item => item.Text == "3"));
    }

    [Fact]
    public async Task Frames_of_every_publisher_keep_their_order_though_they_share_batches()
    {
        const int Publishers = 8;
        const int Frames = 2_000;
        await using var instances = new RedisInstances(redis.Server);
        var (listener, _) = await instances.OpenBusAsync(options => options with { Limits = new BrokerLimits { MaxBufferedFrames = Publishers * Frames } });
        var (speaker, _) = await instances.OpenBusAsync(options => options with { MaxOutgoingBytes = 2_000 });
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(seen), Cancel);

        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(publisher => Task.Run(async () =>
        {
            var calls = new List<Task<PublishOutcome>>();
            for (var i = 0; i < Frames; i++)
            {
                calls.Add(speaker.PublishAsync("subject", Bytes($"{publisher}:{i}"), Cancel).AsTask());
                if (i % 100 == publisher)
                {
                    await calls[^1];
                }
            }

            Assert.All(await Task.WhenAll(calls), outcome => Assert.Equal(PublishOutcome.Sent, outcome));
        })));

        await seen.WaitForAsync(Publishers * Frames);
        Assert.All(seen.Items, item => Assert.False(item.AfterGap));
        foreach (var publisher in seen.Items.Select(item => item.Text.Split(':')).GroupBy(parts => parts[0], parts => int.Parse(parts[1], null)))
        {
            Assert.Equal(Enumerable.Range(0, Frames), publisher);
        }
    }

    [Fact]
    public async Task Frames_that_are_published_at_the_same_time_share_commands()
    {
        await using var server = await RedisServer.StartAsync();
        await using var instances = new RedisInstances(server);
        var (bus, _) = await instances.OpenBusAsync();
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);
        await bus.PublishAsync("subject", Bytes("warm"), Cancel);
        var before = await CountPublishedAsync(server);

        var calls = Enumerable.Range(0, 1000).Select(i => bus.PublishAsync("subject", Bytes($"{i}"), Cancel).AsTask()).ToArray();
        await Task.WhenAll(calls);

        await seen.WaitForAsync(1001);
        Assert.InRange(await CountPublishedAsync(server) - before, 1, 200);
    }

    [Fact]
    public async Task A_publisher_waits_when_the_outgoing_buffer_is_full_and_may_give_up()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (listener, _) = await instances.OpenBusAsync();
        var (speaker, proxy) = await instances.OpenBusAsync(options => options with
        {
            MaxOutgoingBytes = 100,
            CommandTimeout = TimeSpan.FromMinutes(1),
            CheckInterval = TimeSpan.FromMinutes(1),
        });
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(seen), Cancel);
        await speaker.PublishAsync("subject", Bytes("warm"), Cancel);

        proxy.Freeze();
        using var cancellation = new CancellationTokenSource();
        var first = speaker.PublishAsync("subject", new byte[60], Cancel);
        var second = speaker.PublishAsync("subject", new byte[60], cancellation.Token);
        var third = speaker.PublishAsync("subject", Bytes("third"), Cancel);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await second);
        Assert.False(first.IsCompleted || third.IsCompleted);
        proxy.Restore();

        Assert.Equal([PublishOutcome.Sent, PublishOutcome.Sent], [await first, await third]);
        Assert.Equal(["warm", new string('\0', 60), "third"], (await seen.WaitForAsync(3)).Select(item => item.Text));
    }

    [Fact]
    public async Task A_subscriber_that_Redis_drops_for_its_slowness_comes_back_and_is_told_of_the_gap()
    {
        await using var server = await RedisServer.StartAsync(
            new RedisServerOptions { Arguments = ["--client-output-buffer-limit", "pubsub 1mb 0 0"] });
        await using var instances = new RedisInstances(server);
        var (listener, proxy) = await instances.OpenBusAsync(options => options with { CommandTimeout = TimeSpan.FromMinutes(1) });
        var (speaker, _) = await instances.OpenBusAsync();
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(seen), Cancel);

        proxy.Freeze();
        var frame = new byte[512 * 1024];
        await Eventually.HoldsAsync(
            "Redis drops it", async () => await speaker.PublishAsync("subject", frame, Cancel) == PublishOutcome.NobodyListens);
        proxy.Restore();
        await Eventually.HoldsAsync(
            "it is heard again", async () => await speaker.PublishAsync("subject", Bytes("again"), Cancel) == PublishOutcome.Sent);

        await Eventually.HoldsAsync("it hears", () => seen.Items.Any(item => item.Text == "again"));
        Assert.True(seen.Items.First(item => item.Text == "again").AfterGap);
    }

    [Fact]
    public async Task What_is_not_a_batch_counts_as_a_gap()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (bus, _) = await instances.OpenBusAsync();
        var seen = new Recorder<(string Text, bool AfterGap)>();
        await bus.SubscribeAsync("subject", Record(seen), Cancel);

        await bus.Connection.Subscriber.PublishAsync(bus.Connection.Names.Subject("subject"), "something else");
        await bus.PublishAsync("subject", Bytes("1"), Cancel);

        Assert.Equal([("1", true)], await seen.WaitForAsync(1));
    }

    [Fact]
    public async Task Clusters_and_prefixes_do_not_hear_each_other_and_databases_do()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (bus, _) = await instances.OpenBusAsync();
        await bus.SubscribeAsync("subject", (_, _) => default, Cancel);
        var (cluster, _) = await instances.OpenBusAsync(options => options with { Cluster = "other" });
        var (prefix, _) = await instances.OpenBusAsync(options => options with { Prefix = "other:" });
        var (database, _) = await instances.OpenBusAsync(options => options with { Database = 3 });

        Assert.Equal(PublishOutcome.NobodyListens, await cluster.PublishAsync("subject", Bytes("x"), Cancel));
        Assert.Equal(PublishOutcome.NobodyListens, await prefix.PublishAsync("subject", Bytes("x"), Cancel));
        Assert.Equal(PublishOutcome.Sent, await database.PublishAsync("subject", Bytes("x"), Cancel));
    }

    [Fact]
    public async Task More_subjects_than_are_remembered_are_no_problem()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (bus, _) = await instances.OpenBusAsync();
        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 20_000).Select(i => bus.PublishAsync($"subject {i % 5_000}", Bytes("x"), Cancel).AsTask()));
        Assert.All(outcomes, outcome => Assert.Equal(PublishOutcome.NobodyListens, outcome));
    }

    [Fact]
    public async Task Subscriptions_are_bounded_in_number()
    {
        await using var instances = new RedisInstances(redis.Server);
        var (bus, _) = await instances.OpenBusAsync(options => options with { Limits = new BrokerLimits { MaxNames = 2 } });
        var first = await bus.SubscribeAsync("1", (_, _) => default, Cancel);
        await bus.SubscribeAsync("2", (_, _) => default, Cancel);
        var refused = await Assert.ThrowsAsync<BrokerException>(async () => await bus.SubscribeAsync("3", (_, _) => default, Cancel));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refused.Code);
        await first.DisposeAsync();
        await bus.SubscribeAsync("3", (_, _) => default, Cancel);
    }

    [Fact]
    public async Task On_Redis_Cluster_publishers_learn_who_listens_as_well()
    {
        await using var server = await RedisServer.StartAsync(new RedisServerOptions { IsCluster = true });
        await using var first = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = server.Url }, Cancel);
        await using var second = await RedisConnection.ConnectAsync(new RedisBrokerOptions { Url = server.Url }, Cancel);
        Assert.True(first.IsCluster);
        await using var listener = new RedisMessageBus(first);
        await using var speaker = new RedisMessageBus(second);
        for (var i = 0; i < 20; i++)
        {
            var subject = $"subject {i}";
            var seen = new Recorder<(string Text, bool AfterGap)>();
            Assert.Equal(PublishOutcome.NobodyListens, await speaker.PublishAsync(subject, Bytes("x"), Cancel));
            var subscription = await listener.SubscribeAsync(subject, Record(seen), Cancel);
            Assert.Equal(PublishOutcome.Sent, await speaker.PublishAsync(subject, Bytes("1"), Cancel));
            await seen.WaitForAsync(1);
            await subscription.DisposeAsync();
            Assert.Equal(PublishOutcome.NobodyListens, await speaker.PublishAsync(subject, Bytes("x"), Cancel));
        }

        var again = new Recorder<(string Text, bool AfterGap)>();
        await listener.SubscribeAsync("subject", Record(again), Cancel);
        server.Kill();
        await Eventually.HoldsAsync("both notice", () => !listener.IsConnected && !speaker.IsConnected);
        await server.StartAsync();
        await Eventually.HoldsAsync("both are back", () => listener.IsConnected && speaker.IsConnected);
        await Eventually.HoldsAsync("it is heard again", async () =>
            await speaker.PublishAsync("subject", Bytes("2"), Cancel) == PublishOutcome.Sent);
        Assert.Equal(("2", true), (await again.WaitForAsync(1))[0]);
    }

    private static BusHandler Record(Recorder<(string Text, bool AfterGap)> seen) => (delivery, _) =>
    {
        seen.Add((Encoding.UTF8.GetString(delivery.Frame.Span), delivery.AfterGap));
        return default;
    };

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task RefusesAsync(Func<Task> call)
    {
        var exception = await Assert.ThrowsAsync<BrokerException>(call);
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, exception.Code);
    }

    private static async Task<int> CountPublishedAsync(RedisServer server) =>
        int.Parse(PublishCalls().Match(await server.CommandAsync("INFO commandstats")).Groups[1].Value, null);

    [GeneratedRegex("cmdstat_publish:calls=([0-9]+)")]
    private static partial Regex PublishCalls();
}
