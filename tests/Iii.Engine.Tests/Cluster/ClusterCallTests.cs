using System.Text;
using System.Text.Json;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Cluster;

public sealed class ClusterCallTests
{
    [Fact]
    public async Task Function_of_one_instance_is_called_through_every_other_and_its_caller_and_trace_are_known()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "math::add");
        for (var i = 1; i < 3; i++)
        {
            await using var caller = await cluster[i].ConnectAsync();
            var id = Guid.NewGuid().ToString();
            await caller.SendCallAsync(
                id,
                "math::add",
                """{"a":1, "b" :2}""",
                ""","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","baggage":"k=v","metadata":{"m":1}""");
            var call = await provider.NextCallAsync("math::add");
            Assert.Equal("""{"a":1, "b" :2,"_caller_worker_id":"ID"}""", call.GetProperty("data").GetRawText().Replace(caller.WorkerId, "ID", StringComparison.Ordinal));
            Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", call.GetProperty("traceparent").GetString());
            Assert.Equal("k=v", call.GetProperty("baggage").GetString());
            Assert.Equal("""{"m":1}""", call.GetProperty("metadata").GetRawText());
            await provider.AnswerAsync(call, """ "result":{"c" : 3} """);
            Assert.Equal("""{"c" : 3}""", (await caller.ResultAsync(id)).GetProperty("result").GetRawText());
        }
    }

    [Fact]
    public async Task Errors_and_empty_answers_come_back_as_they_were_given()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "f");
        await using var caller = await cluster[1].ConnectAsync();
        var failing = caller.CallAsync("f");
        await provider.AnswerAsync(await provider.NextCallAsync("f"), """ "error":{"code":"E","message":"no","stacktrace":"s"} """);
        Assert.Equal("E", (await failing).GetProperty("error").GetProperty("code").GetString());
        var empty = caller.CallAsync("f");
        await provider.AnswerAsync(await provider.NextCallAsync("f"), """ "result":null """);
        Assert.False((await empty).TryGetProperty("error", out _));
    }

    [Fact]
    public async Task Call_that_a_worker_of_the_same_instance_can_take_stays_there_and_the_bus_hears_nothing()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var here = await cluster[0].ConnectAsync();
        await using var there = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(here, "f");
        await cluster.RegisterAsync(there, "f", providers: 2);
        await using var caller = await cluster[0].ConnectAsync();
        var before = cluster.Bus(0).Direct;
        for (var i = 0; i < 20; i++)
        {
            var call = caller.CallAsync("f");
            await here.AnswerAsync(await here.NextCallAsync("f"));
            await call;
        }

        Assert.Equal(before, cluster.Bus(0).Direct);
    }

    [Fact]
    public async Task Call_that_no_worker_of_the_instance_has_room_for_goes_to_another_instance()
    {
        await using var cluster = await TestCluster.StartAsync(2, new WorkerGatewayOptions { MaxInvocations = 1 });
        await using var here = await cluster[0].ConnectAsync();
        await using var there = await cluster[1].ConnectAsync();
        await cluster.RegisterAsync(here, "f");
        await cluster.RegisterAsync(there, "f", providers: 2);
        await using var caller = await cluster[0].ConnectAsync();
        var first = caller.CallAsync("f");
        var held = await here.NextCallAsync("f");
        var secondId = Guid.NewGuid().ToString();
        await caller.SendCallAsync(secondId, "f");
        var spilt = await there.NextCallAsync("f");

        // Full here, full there: that is an error of its own, at once.
        await using var third = await cluster[0].ConnectAsync();
        Assert.Equal("worker_overloaded", (await third.CallAsync("f")).GetProperty("error").GetProperty("code").GetString());
        await there.AnswerAsync(spilt);
        await here.AnswerAsync(held);
        await first;
    }

    [Fact]
    public async Task Route_of_one_instance_is_served_by_every_other()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "greet");
        await provider.SendAsync("""{"type":"registertrigger","id":"t","trigger_type":"http","function_id":"greet","config":{"api_path":"greet","http_method":"GET"}}""");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{cluster[1].HttpPort}") };
        var serving = Task.Run(async () =>
        {
            var call = await provider.NextCallAsync("greet");
            await provider.AnswerAsync(call, """ "result":{"status_code":200,"body":{"hello":"you"}} """);
        });
        await Eventually.TrueAsync(async () =>
        {
            using var response = await client.GetAsync("greet");
            return response.IsSuccessStatusCode && await response.Content.ReadAsStringAsync() == """{"hello":"you"}""";
        });
        await serving;
    }

    [Fact]
    public async Task Payload_that_is_larger_than_a_frame_of_the_bus_goes_both_ways_whole()
    {
        await using var cluster = await TestCluster.StartAsync(2);
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "echo");
        await using var caller = await cluster[1].ConnectAsync();
        var text = new StringBuilder(16 * 1024 * 1024);
        for (var i = 0; text.Length < 16 * 1024 * 1024; i++)
        {
            text.Append(i).Append(',');
        }

        var answer = caller.CallAsync("echo", $$"""{"text":"{{text}}"}""");
        var call = await provider.NextCallAsync("echo");
        await provider.AnswerAsync(call, $""" "result":{JsonSerializer.Serialize(call.GetProperty("data").GetProperty("text").GetString())} """);
        Assert.True((await answer).GetProperty("result").ValueEquals(text.ToString()));
    }

    [Fact]
    public async Task Function_that_has_just_left_is_looked_for_elsewhere_once_and_then_not_found()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var leaving = await cluster[0].ConnectAsync();
        await using var staying = await cluster[2].ConnectAsync();
        await cluster.RegisterAsync(leaving, "f");
        await cluster.RegisterAsync(leaving, "only");
        await cluster.RegisterAsync(staying, "f", providers: 2);

        // The second instance hears nothing of the change, so it still sends its calls to the first.
        cluster.Bus(0).Loses = static subject => subject.EndsWith(".cluster", StringComparison.Ordinal);
        await leaving.SendAsync("""{"type":"unregisterfunction","id":"f"}""");
        await leaving.SendAsync("""{"type":"unregisterfunction","id":"only"}""");
        await leaving.BarrierAsync();
        await using var caller = await cluster[1].ConnectAsync();
        for (var i = 0; i < 10; i++)
        {
            var call = caller.CallAsync("f");
            await staying.AnswerAsync(await staying.NextCallAsync("f"));
            Assert.True((await call).TryGetProperty("result", out _));
        }

        Assert.Equal("function_not_found", (await caller.CallAsync("only")).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Deadline_of_a_call_shrinks_on_its_way_and_ends_it()
    {
        await using var cluster = await TestCluster.StartAsync(2, new WorkerGatewayOptions { InvocationTimeoutMs = 300 });
        await using var provider = await cluster[0].ConnectAsync();
        await cluster.RegisterAsync(provider, "slow");
        await using var caller = await cluster[1].ConnectAsync();
        Assert.Equal("invocation_timeout", (await caller.CallAsync("slow")).GetProperty("error").GetProperty("code").GetString());
    }
}
