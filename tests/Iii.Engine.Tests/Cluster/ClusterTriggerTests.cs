using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Cluster;

public sealed class ClusterTriggerTests
{
    private const string Trigger =
        """{"type":"registertrigger","id":"t1","trigger_type":"custom","function_id":"f","config":{"x":1},"metadata":{"m":2}}""";

    [Fact]
    public async Task Provider_of_a_type_learns_of_triggers_of_other_instances_those_that_waited_included()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var owner = await cluster[0].ConnectAsync();
        await owner.SendAsync(Trigger);
        await owner.BarrierAsync();
        await using var provider = await cluster[1].ConnectAsync();
        await provider.SendAsync("""{"type":"registertriggertype","id":"custom","description":"d"}""");
        var registered = await provider.NextAsync("registertrigger");
        Assert.Equal(("custom", "f", """{"x":1}""", """{"m":2}"""), (
            registered.GetProperty("trigger_type").GetString(),
            registered.GetProperty("function_id").GetString(),
            registered.GetProperty("config").GetRawText(),
            registered.GetProperty("metadata").GetRawText()));

        await provider.SendAsync("""{"type":"triggerregistrationresult","id":"t1","trigger_type":"custom","function_id":"f"}""");
        Assert.Equal("t1", (await owner.NextAsync("triggerregistrationresult")).GetProperty("id").GetString());
        await owner.SendAsync("""{"type":"unregistertrigger","id":"t1"}""");
        Assert.Equal("t1", (await provider.NextAsync("unregistertrigger")).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Trigger_that_its_provider_on_another_instance_refuses_is_gone_everywhere_and_its_owner_is_told()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[1].ConnectAsync();
        await provider.SendAsync("""{"type":"registertriggertype","id":"custom","description":"d"}""");
        await using var owner = await cluster[0].ConnectAsync();
        await owner.SendAsync(Trigger);
        await provider.NextAsync("registertrigger");
        await provider.SendAsync("""{"type":"triggerregistrationresult","id":"t1","trigger_type":"custom","function_id":"f","error":{"code":"bad","message":"no"}}""");
        var result = await owner.NextAsync("triggerregistrationresult");
        Assert.Equal("bad", result.GetProperty("error").GetProperty("code").GetString());
        for (var i = 0; i < 2; i++)
        {
            await using var observer = await cluster[i].ConnectAsync();
            await Eventually.TrueAsync(async () => (await observer.CallAsync("engine::registered-triggers::list"))
                .GetProperty("result").GetProperty("registered_triggers").GetArrayLength() == 0);
        }
    }

    [Fact]
    public async Task Newest_provider_of_all_instances_serves_and_an_earlier_one_takes_over()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var earlier = await cluster[0].ConnectAsync();
        await earlier.SendAsync("""{"type":"registertriggertype","id":"custom","description":"earlier"}""");
        await WaitForTypeAsync(cluster, 1, "earlier");
        var newer = await cluster[1].ConnectAsync();
        await newer.SendAsync("""{"type":"registertriggertype","id":"custom","description":"newer"}""");
        await WaitForTypeAsync(cluster, 0, "newer");
        await using var owner = await cluster[0].ConnectAsync();
        await owner.SendAsync(Trigger);
        await newer.NextAsync("registertrigger");
        Assert.Empty(await earlier.BarrierAsync());
        await newer.DisposeAsync();
        await earlier.NextAsync("registertrigger");
    }

    [Fact]
    public async Task Replicas_on_several_instances_share_one_trigger_that_goes_with_the_last_of_them()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[0].ConnectAsync();
        await provider.SendAsync("""{"type":"registertriggertype","id":"custom","description":"d"}""");
        await WaitForTypeAsync(cluster, 1, "d");
        var one = await cluster[0].ConnectAsync();
        var two = await cluster[1].ConnectAsync();
        await one.SendAsync(Trigger.Replace("t1", "a", StringComparison.Ordinal));
        await provider.NextAsync("registertrigger");
        await two.SendAsync(Trigger.Replace("t1", "b", StringComparison.Ordinal));
        await using var observer = await cluster[0].ConnectAsync();
        await Eventually.TrueAsync(async () => (await observer.CallAsync("engine::registered-triggers::list"))
            .GetProperty("result").GetProperty("registered_triggers")[0].GetProperty("registration_ids").GetArrayLength() == 2);
        await one.DisposeAsync();
        await Eventually.TrueAsync(async () => (await observer.CallAsync("engine::registered-triggers::list"))
            .GetProperty("result").GetProperty("registered_triggers")[0].GetProperty("registration_ids").GetArrayLength() == 1);
        Assert.Empty(await provider.BarrierAsync());
        await two.DisposeAsync();
        await provider.NextAsync("unregistertrigger");
    }

    private static async Task WaitForTypeAsync(TestCluster cluster, int instance, string description)
    {
        await using var observer = await cluster[instance].ConnectAsync();
        await Eventually.TrueAsync(async () => (await observer.CallAsync("engine::trigger-types::list"))
            .GetProperty("result").GetProperty("trigger_types").EnumerateArray()
            .Any(row => row.GetProperty("id").GetString() == "custom" && row.GetProperty("description").GetString() == description));
    }
}
