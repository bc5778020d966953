using System.Net;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>What is registered twice, by two connections, or taken back: what a connection registered belongs to it.</summary>
public class RegistrationTests(SharedEngine engine)
{
    /// <remarks>Queue and cron, of which the line speaks too, are not built yet.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.23")]
    public async Task Registering_twice_on_one_socket_is_one_registration()
    {
        var (f, type, trigger) = (Ids.New("f"), Ids.New("mailbox"), Ids.New("T"));
        await using var served = await RoutedFunction.WithoutRouteAsync(engine);
        var worker = served.Worker;
        for (var i = 0; i < 2; i++)
        {
            await worker.RegisterAsync(f);
            await worker.SendAsync($$"""{"type":"registertriggertype","id":"{{type}}","description":"d"}""");
            await worker.SendAsync(Discovery.Watch(f, id: trigger));
            await worker.SendAsync(RoutedFunction.Trigger(trigger + ".http", served.Id, served.Path));
        }

        await RoutedFunction.IsLiveAsync(engine, served.Path);
        Assert.Equal(1, await Discovery.CountAsync(worker, "functions", f));
        Assert.Equal(1, await Discovery.CountAsync(worker, "triggers", f));
        Assert.Equal(1, await Discovery.CountAsync(worker, "triggers", served.Id));
        var types = await Discovery.ListAsync(worker, "trigger-types", member: "trigger_types");
        Assert.Single(types, row => row.GetProperty("id").GetString() == type);

        await using var other = await engine.ConnectAsync();
        await other.BarrierAsync();
        await worker.NextAsync(message => Discovery.IsEvent(message, "worker_connected", other.WorkerId));
        (await served.AnswerAsync(served.SendAsync())).Dispose();
        Assert.DoesNotContain(
            await worker.BarrierAsync(),
            message => Discovery.IsEvent(message, "worker_connected", other.WorkerId) || message.GetProperty("function_id").GetString() == served.Id);

        await worker.SendAsync($$"""{"type":"unregistertrigger","id":"{{trigger}}.http"}""");
        await RoutedFunction.IsGoneAsync(engine, served.Path);
        await worker.SendAsync($$"""{"type":"unregisterfunction","id":"{{f}}"}""");
        Assert.Equal(0, await Discovery.CountAsync(worker, "functions", f));
    }

    [Theory]
    [Trait("spec", "protocol 11.24")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Late_end_of_an_old_connection_leaves_what_the_new_one_registered(bool politely)
    {
        // The trigger ids are the same as well, as after a reconnect of one process.
        var (f, path, trigger) = (Ids.New("f"), Ids.New("path"), Ids.New("T"));
        await using var watcher = await engine.ConnectAsync();
        await using var old = await engine.ConnectAsync();
        await using var renewed = await engine.ConnectAsync();
        foreach (var connection in new[] { old, renewed })
        {
            await connection.RegisterAsync(f);
            await connection.SendAsync(Discovery.Watch(f, id: trigger));
            await connection.SendAsync(RoutedFunction.Trigger(trigger + ".http", f, path));
            await connection.BarrierAsync();
        }

        await RoutedFunction.IsLiveAsync(engine, path);
        await EndAsync(old, politely);

        await renewed.NextAsync(message => Discovery.IsEvent(message, "worker_disconnected", old.WorkerId));
        Assert.Equal(1, await Discovery.CountAsync(watcher, "functions", f));
        Assert.Equal(2, await Discovery.CountAsync(watcher, "triggers", f));
        var request = engine.Http.GetAsync(path, TestContext.Current.CancellationToken);
        await renewed.AnswerAsync(await renewed.NextAsync(message => message.GetProperty("data").TryGetProperty("path", out _)));
        using var response = await request;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Registrations_end_with_their_last_owner(bool politely)
    {
        var (f, path, trigger) = (Ids.New("f"), Ids.New("path"), Ids.New("T"));
        await using var watcher = await engine.ConnectAsync();
        var owners = new[] { await engine.ConnectAsync(), await engine.ConnectAsync() };
        foreach (var owner in owners)
        {
            await owner.RegisterAsync(f);
            await owner.SendAsync(RoutedFunction.Trigger(trigger, f, path));
            await owner.BarrierAsync();
        }

        await RoutedFunction.IsLiveAsync(engine, path);
        foreach (var owner in owners)
        {
            await EndAsync(owner, politely);
            await owner.DisposeAsync();
        }

        await RoutedFunction.IsGoneAsync(engine, path);
        await Eventually.TrueAsync(
            "the function is gone",
            async () => (await watcher.CallAsync(f)).TryGetProperty("error", out var error) && error.GetProperty("code").GetString() == "function_not_found");
        Assert.Equal(0, await Discovery.CountAsync(watcher, "triggers", f));
    }

    /// <remarks>
    /// The line has all calls go to the one that registered last. Here a function has a pool of providers: the new one takes part
    /// at once, and has all calls once it is alone.
    /// </remarks>
    [Fact]
    [Trait("spec", "protocol 11.25")]
    public async Task Function_that_another_worker_registers_as_well_survives_the_first_ones_end()
    {
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        var first = await engine.ConnectAsync();
        await using var second = await engine.ConnectAsync();
        foreach (var worker in new[] { first, second })
        {
            await worker.RegisterAsync(f);
            await worker.BarrierAsync();
        }

        // Nobody answers, so the number under way on either side is what the balancer evens out.
        string[] ids = [Guid.NewGuid().ToString(), Guid.NewGuid().ToString()];
        foreach (var id in ids)
        {
            await caller.SendCallAsync(id, f);
        }

        await first.NextCallAsync(f);
        await second.AnswerAsync(await second.NextCallAsync(f));
        await first.CloseAsync();
        await first.DisposeAsync();
        foreach (var _ in ids)
        {
            await caller.NextAsync("invocationresult");
        }

        for (var i = 0; i < 3; i++)
        {
            var id = Guid.NewGuid().ToString();
            await caller.SendCallAsync(id, f);
            await second.AnswerAsync(await second.NextCallAsync(f));
            Assert.True((await caller.ResultAsync(id)).TryGetProperty("result", out _));
        }
    }

    [Fact]
    public async Task Calls_are_spread_over_the_providers()
    {
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        await using var first = await engine.ConnectAsync();
        await using var second = await engine.ConnectAsync();
        foreach (var worker in new[] { first, second })
        {
            await worker.RegisterAsync(f);
            await worker.BarrierAsync();
        }

        // Nobody answers, so the number under way on either side is what the balancer evens out.
        for (var i = 0; i < 100; i++)
        {
            await caller.SendCallAsync(Guid.NewGuid(), f);
        }

        await caller.BarrierAsync();
        var calls = await Task.WhenAll(first.BarrierAsync(), second.BarrierAsync());
        Assert.Equal(100, calls.Sum(static received => received.Count));
        Assert.All(calls, static received => Assert.InRange(received.Count, 49, 51));
    }

    [Fact]
    [Trait("spec", "protocol 11.26")]
    public async Task Function_is_gone_for_the_very_next_call_after_it_was_unregistered()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.SendAsync($$"""{"type":"unregisterfunction","id":"{{f}}"}""");
        Assert.Equal("function_not_found", ErrorCode(await worker.CallAsync(f)));
    }

    [Fact]
    public async Task Only_the_owner_can_unregister_a_function_or_a_trigger()
    {
        var (f, trigger) = (Ids.New("f"), Ids.New("T"));
        await using var owner = await engine.ConnectAsync();
        await using var stranger = await engine.ConnectAsync();
        await owner.RegisterAsync(f);
        await owner.SendAsync(Discovery.Watch(f, id: trigger));
        await owner.BarrierAsync();
        await stranger.SendAsync($$"""{"type":"unregisterfunction","id":"{{f}}"}""");
        await stranger.SendAsync($$"""{"type":"unregistertrigger","id":"{{trigger}}","trigger_type":"engine::workers-available"}""");
        Assert.Equal(1, await Discovery.CountAsync(stranger, "functions", f));
        Assert.Equal(1, await Discovery.CountAsync(stranger, "triggers", f));
        await owner.SendAsync($$"""{"type":"unregistertrigger","id":"{{trigger}}"}""");
        await owner.SendAsync("""{"type":"unregistertrigger","id":"never seen"}""");
        Assert.Equal(0, await Discovery.CountAsync(owner, "triggers", f));
    }

    [Fact]
    public async Task Engines_own_functions_and_trigger_types_cannot_be_taken_over()
    {
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync("engine::workers::list");
        await worker.SendAsync("""{"type":"unregisterfunction","id":"engine::functions::list"}""");
        await worker.SendAsync("""{"type":"registertriggertype","id":"engine::workers-available","description":"mine"}""");
        Assert.True((await worker.CallAsync("engine::workers::list")).TryGetProperty("result", out _));
        Assert.True((await worker.CallAsync("engine::functions::list")).TryGetProperty("result", out _));
    }

    [Fact] // sdk-versions 5.1
    public async Task Reattaching_retires_the_old_connection_before_the_replay()
    {
        var (f, other) = (Ids.New("f"), Ids.New("only.old"));
        await using var watcher = await engine.ConnectAsync();
        await using var old = await engine.ConnectAsync();
        await old.RegisterAsync(f);
        await old.RegisterAsync(other);
        await old.BarrierAsync();
        var pending = Guid.NewGuid().ToString();
        await watcher.SendCallAsync(pending, f);
        await old.NextCallAsync(f);

        await using var renewed = await engine.ConnectAsync();
        await renewed.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{old.WorkerId}}","reattach_token":"wrong"}""");
        await renewed.BarrierAsync();
        Assert.Equal(1, await Discovery.CountAsync(watcher, "functions", other));

        await renewed.SendAsync($$"""{"type":"reattach","previous_worker_id":"{{old.WorkerId}}","reattach_token":"{{old.ReattachToken}}"}""");
        await renewed.RegisterAsync(f);
        await renewed.BarrierAsync();
        Assert.Equal("invocation_stopped", ErrorCode(await watcher.ResultAsync(pending)));
        Assert.Equal(0, await Discovery.CountAsync(watcher, "functions", other));
        Assert.Equal(1, await Discovery.CountAsync(watcher, "functions", f));
        await old.EndAsync();
    }

    private static async Task EndAsync(TestWorker worker, bool politely)
    {
        if (politely)
        {
            await worker.CloseAsync();
        }
        else
        {
            worker.Abort();
        }
    }

    private static string? ErrorCode(JsonElement result) => result.GetProperty("error").GetProperty("code").GetString();
}
