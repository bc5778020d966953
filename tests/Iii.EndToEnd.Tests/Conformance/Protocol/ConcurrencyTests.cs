using System.Globalization;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Calls side by side, and either side of a call that goes away in the middle of it.</summary>
public class ConcurrencyTests(SharedEngine engine)
{
    /// <remarks>The callee's connection may break or be closed in good order.</remarks>
    [Theory]
    [Trait("spec", "protocol 11.19")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Callers_of_a_lost_worker_are_told_at_once(bool politely)
    {
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        await using var callee = await engine.ConnectAsync();
        await callee.RegisterAsync(f);
        await callee.BarrierAsync();
        var id = Guid.NewGuid().ToString();
        await caller.SendCallAsync(id, f);
        await callee.NextCallAsync(f);
        if (politely)
        {
            await callee.CloseAsync();
        }
        else
        {
            callee.Abort();
        }

        // The time that a call may take is 10 minutes here, and no test waits that long.
        var error = (await caller.ResultAsync(id)).GetProperty("error");
        Assert.Equal("invocation_stopped", error.GetProperty("code").GetString());
        Assert.Equal("Invocation stopped", error.GetProperty("message").GetString());
    }

    [Fact]
    [Trait("spec", "protocol 11.20")]
    public async Task Caller_that_leaves_disturbs_nobody()
    {
        var f = Ids.New("f");
        await using var callee = await engine.ConnectAsync();
        await using var other = await engine.ConnectAsync();
        await callee.RegisterAsync(f);
        await callee.BarrierAsync();
        var othersId = Guid.NewGuid().ToString();
        await other.SendCallAsync(othersId, f);
        var othersCall = await callee.NextCallAsync(f);
        var caller = await engine.ConnectAsync();
        await caller.SendCallAsync(Guid.NewGuid(), f);
        var call = await callee.NextCallAsync(f);
        await caller.CloseAsync();
        await caller.DisposeAsync();

        await callee.AnswerAsync(call);
        Assert.Empty(await callee.BarrierAsync());
        await callee.AnswerAsync(othersCall);
        Assert.True((await other.ResultAsync(othersId)).GetProperty("result").GetProperty("ok").GetBoolean());
        Assert.Empty(await other.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.21")]
    public async Task Calls_of_one_socket_run_side_by_side()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        string[] ids = [Guid.NewGuid().ToString(), Guid.NewGuid().ToString()];
        foreach (var id in ids)
        {
            await worker.SendCallAsync(id, f);
        }

        var first = await worker.NextCallAsync(f);
        var second = await worker.NextCallAsync(f);
        await worker.AnswerAsync(second, "\"result\":2");
        Assert.Equal(2, (await worker.ResultAsync(ids[1])).GetProperty("result").GetInt32());
        await worker.AnswerAsync(first, "\"result\":1");
        Assert.Equal(1, (await worker.ResultAsync(ids[0])).GetProperty("result").GetInt32());
    }

    [Fact]
    [Trait("spec", "protocol 11.21")]
    public async Task Registrations_of_one_socket_are_worked_through_in_order_between_its_calls()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        var ids = Enumerable.Range(0, 4).Select(static _ => Guid.NewGuid().ToString()).ToArray();
        await worker.SendCallAsync(ids[0], f);
        await worker.RegisterAsync(f);
        await worker.SendCallAsync(ids[1], f);
        await worker.SendAsync($$"""{"type":"unregisterfunction","id":"{{f}}"}""");
        await worker.SendCallAsync(ids[2], f);
        await worker.RegisterAsync(f);
        await worker.SendCallAsync(ids[3], f);
        foreach (var id in new[] { ids[0], ids[2] })
        {
            var error = (await worker.ResultAsync(id)).GetProperty("error");
            Assert.Equal("function_not_found", error.GetProperty("code").GetString());
        }

        Assert.Equal(2, (await worker.BarrierAsync()).Count(message => message.GetProperty("type").GetString() == "invokefunction"));
    }

    [Fact]
    [Trait("spec", "protocol 11.22")]
    public async Task Instant_answers_are_never_lost()
    {
        const int Calls = 2000;
        var f = Ids.New("f");
        await using var caller = await engine.ConnectAsync();
        await using var callee = await engine.ConnectAsync();
        await callee.RegisterAsync(f);
        await callee.BarrierAsync();
        var answering = Task.Run(async () =>
        {
            for (var i = 0; i < Calls; i++)
            {
                var call = await callee.NextCallAsync(f);
                await callee.AnswerAsync(call, $"\"result\":{call.GetProperty("data").GetRawText()}");
            }
        });
        for (var i = 0; i < Calls; i++)
        {
            await caller.SendCallAsync(new Guid(i, 0, 0, new byte[8]), f, $"{i}");
        }

        for (var i = 0; i < Calls; i++)
        {
            var result = await caller.NextAsync("invocationresult");
            var expected = int.Parse(result.GetProperty("invocation_id").GetString()![..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            Assert.Equal(expected, result.GetProperty("result").GetInt32());
        }

        await answering;
    }
}
