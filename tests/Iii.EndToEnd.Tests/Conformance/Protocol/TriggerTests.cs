using System.Net;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Triggers, and the trigger types that workers provide.</summary>
public class TriggerTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "protocol 11.27")]
    public async Task Trigger_may_come_before_its_function()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(Discovery.Watch(f));
        await worker.BarrierAsync();
        await using var first = await engine.ConnectAsync();
        await first.BarrierAsync();
        await worker.RegisterAsync(f);
        Assert.DoesNotContain(
            await worker.BarrierAsync(), message => Discovery.IsEvent(message, "worker_connected", first.WorkerId));
        await using var second = await engine.ConnectAsync();
        await second.BarrierAsync();
        await worker.NextAsync(message => Discovery.IsEvent(message, "worker_connected", second.WorkerId));
    }

    [Fact]
    [Trait("spec", "protocol 11.27")]
    public async Task Route_may_come_before_its_function()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        await f.Worker.SendAsync($$"""{"type":"unregisterfunction","id":"{{f.Id}}"}""");
        await f.Worker.BarrierAsync();
        using var early = await f.SendAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, early.StatusCode);
        await f.Worker.RegisterAsync(f.Id);
        Assert.Empty(await f.Worker.BarrierAsync());
        using var response = await f.AnswerAsync(f.SendAsync());
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    /// <remarks>The reference loses a trigger whose type does not exist yet; here it waits.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.28")]
    [Trait("spec", "protocol 11.29")]
    [Trait("spec", "protocol 11.30")]
    public async Task Trigger_waits_for_its_type_and_is_replayed_to_every_provider_that_comes()
    {
        var type = Ids.New("mailbox");
        var expected = Trigger(Ids.New("T"), type, """{"folder":"inbox"}""", "support::triage");
        await using var user = await engine.ConnectAsync();
        await user.SendAsync(expected);
        await user.BarrierAsync();
        for (var i = 0; i < 2; i++)
        {
            var owner = await engine.ConnectAsync();
            await owner.SendAsync(Type(type));
            await owner.NextAsync("registertrigger");
            Assert.Equal(expected, owner.LastText);
            await owner.CloseAsync();
            await owner.DisposeAsync();
        }
    }

    /// <remarks>The two members that clients read come with the function's id, which they ignore.</remarks>
    [Theory]
    [Trait("spec", "protocol 11.29")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Provider_of_a_type_is_told_of_triggers_that_end(bool byMessage)
    {
        var (type, trigger) = (Ids.New("mailbox"), Ids.New("T"));
        await using var owner = await engine.ConnectAsync();
        await owner.SendAsync(Type(type));
        await owner.BarrierAsync();
        await using var user = await engine.ConnectAsync();
        await user.SendAsync(Trigger(trigger, type, "null"));
        var told = await owner.NextAsync("registertrigger");
        Assert.Equal(
            ["type", "id", "trigger_type", "function_id", "config"], told.EnumerateObject().Select(static member => member.Name));
        if (byMessage)
        {
            await user.SendAsync($$"""{"type":"unregistertrigger","id":"{{trigger}}"}""");
        }
        else
        {
            user.Abort();
        }

        var end = await owner.NextAsync("unregistertrigger");
        Assert.Equal(trigger, end.GetProperty("id").GetString());
        Assert.Equal(type, end.GetProperty("trigger_type").GetString());
        Assert.Equal("f", end.GetProperty("function_id").GetString());
    }

    [Fact]
    public async Task Replicas_that_register_the_same_trigger_own_one_together()
    {
        var (type, one, two) = (Ids.New("mailbox"), Ids.New("T"), Ids.New("T"));
        await using var owner = await engine.ConnectAsync();
        await owner.SendAsync(Type(type));
        await owner.BarrierAsync();
        var first = await engine.ConnectAsync();
        await first.SendAsync(Trigger(one, type, """{"a":1,"b":[2]}"""));
        await first.BarrierAsync();
        await using var second = await engine.ConnectAsync();
        await second.SendAsync(Trigger(two, type, """{ "b": [ 2 ], "a": 1 }"""));
        await second.BarrierAsync();
        await owner.NextAsync("registertrigger");
        Assert.Empty(await owner.BarrierAsync());
        await first.CloseAsync();
        await first.DisposeAsync();
        Assert.Empty(await owner.BarrierAsync());
        await second.SendAsync($$"""{"type":"unregistertrigger","id":"{{two}}"}""");
        Assert.Equal(one, (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Trigger_id_with_another_config_replaces_what_it_stood_for()
    {
        var (type, trigger, f) = (Ids.New("mailbox"), Ids.New("T"), Ids.New("f"));
        await using var owner = await engine.ConnectAsync();
        await owner.SendAsync(Type(type));
        await owner.SendAsync(Trigger(trigger, type, "1", f));
        await owner.SendAsync(Trigger(trigger, type, "2", f));
        Assert.Equal(1, (await owner.NextAsync("registertrigger")).GetProperty("config").GetInt32());
        Assert.Equal(2, (await owner.NextAsync("registertrigger")).GetProperty("config").GetInt32());
        await owner.NextAsync("unregistertrigger");
        Assert.Equal(1, await Discovery.CountAsync(owner, "triggers", f));
    }

    [Fact]
    public async Task Two_triggers_never_share_an_id_towards_their_provider()
    {
        var (type, x, y) = (Ids.New("mailbox"), Ids.New("X"), Ids.New("Y"));
        await using var owner = await engine.ConnectAsync();
        await owner.SendAsync(Type(type));
        await owner.BarrierAsync();
        await using var first = await engine.ConnectAsync();
        await using var second = await engine.ConnectAsync();
        await first.SendAsync(Trigger(x, type, "1"));
        await first.BarrierAsync();
        await second.SendAsync(Trigger(y, type, "1"));
        await second.BarrierAsync();
        await first.SendAsync(Trigger(x, type, "2"));
        var one = (await owner.NextAsync("registertrigger")).GetProperty("id").GetString();
        var two = (await owner.NextAsync("registertrigger")).GetProperty("id").GetString();
        Assert.Equal(x, one);
        Assert.NotEqual(one, two);
        await second.SendAsync($$"""{"type":"unregistertrigger","id":"{{y}}"}""");
        Assert.Equal(one, (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
        await first.SendAsync($$"""{"type":"unregistertrigger","id":"{{x}}"}""");
        Assert.Equal(two, (await owner.NextAsync("unregistertrigger")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Refused_trigger_is_reported_to_its_registrant_and_not_listed()
    {
        var (type, trigger, f) = (Ids.New("mailbox"), Ids.New("T"), Ids.New("f"));
        await using var owner = await engine.ConnectAsync();
        await owner.SendAsync(Type(type));
        await owner.BarrierAsync();
        await using var user = await engine.ConnectAsync();
        await user.SendAsync(Trigger(trigger, type, "{}", f));
        await owner.NextAsync("registertrigger");
        await user.SendAsync(Result("forged", "not the provider"));
        Assert.Empty(await user.BarrierAsync());
        await owner.SendAsync(Result("trigger_registration_failed", "no such folder"));
        var report = await user.NextAsync("triggerregistrationresult");
        Assert.Equal("no such folder", report.GetProperty("error").GetProperty("message").GetString());
        Assert.Equal(0, await Discovery.CountAsync(user, "triggers", f));

        string Result(string code, string message) =>
            $$$"""{"type":"triggerregistrationresult","id":"{{{trigger}}}","trigger_type":"{{{type}}}","function_id":"{{{f}}}","error":{"code":"{{{code}}}","message":"{{{message}}}"}}""";
    }

    [Fact]
    public async Task Unregistering_a_type_parks_its_triggers_or_hands_them_to_the_provider_that_is_left()
    {
        var (type, f) = (Ids.New("mailbox"), Ids.New("f"));
        await using var first = await engine.ConnectAsync();
        await using var second = await engine.ConnectAsync();
        await first.SendAsync(Type(type));
        await first.BarrierAsync();
        await second.SendAsync(Type(type));
        await second.SendAsync(Trigger(Ids.New("T"), type, "{}", f));
        await second.NextAsync("registertrigger");
        await second.SendAsync($$"""{"type":"unregistertriggertype","id":"{{type}}","description":"surplus"}""");
        await first.NextAsync("registertrigger");
        await first.SendAsync($$"""{"type":"unregistertriggertype","id":"{{type}}"}""");
        var row = Assert.Single(await Discovery.OfAsync(first, "triggers", f));
        Assert.Equal("pending", row.GetProperty("status").GetString());
    }

    private static string Type(string id) => $$"""{"type":"registertriggertype","id":"{{id}}","description":"Incoming mail"}""";

    private static string Trigger(string id, string type, string config, string functionId = "f") =>
        $$"""{"type":"registertrigger","id":"{{id}}","trigger_type":"{{type}}","function_id":"{{functionId}}","config":{{config}}}""";
}
