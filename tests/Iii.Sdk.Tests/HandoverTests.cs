using System.Text;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

/// <summary>User code shares threads with the receive loop, and must not notice.</summary>
public class HandoverTests
{
    private static readonly ReadOnlyMemory<byte> One = "1"u8.ToArray();

    [Fact]
    public async Task Caller_that_blocks_when_it_has_its_answer_holds_up_no_other_answer()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));

        for (var i = 0; i < 50; i++)
        {
            using var second = new ManualResetEventSlim();
            var blocked = BlockAsync(worker, second);
            await worker.InvokeRawAsync("echo", One).Within();
            second.Set();
            Assert.True(await blocked.Within());
        }
    }

    [Fact]
    public async Task Caller_may_block_on_another_call_when_it_has_its_answer()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterFunction("echo", static (int input) => input, TestJson.Default.Int32, TestJson.Default.Int32);

        async Task<int> CallTwiceAsync()
        {
            var first = await worker.InvokeAsync("echo", 1, TestJson.Default.Int32, TestJson.Default.Int32).ConfigureAwait(false);
#pragma warning disable xUnit1031 // Blocking is what is tested.
            return first + worker.InvokeAsync("echo", 2, TestJson.Default.Int32, TestJson.Default.Int32).AsTask().Result;
#pragma warning restore xUnit1031
        }

        var sums = await Task.WhenAll(CallTwiceAsync(), CallTwiceAsync(), CallTwiceAsync()).Within();
        Assert.All(sums, static sum => Assert.Equal(3, sum));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Handler_does_not_see_the_context_in_which_the_worker_was_made(bool runsInline)
    {
        await using var engine = await LocalEngine.StartAsync();
        var local = new AsyncLocal<string?> { Value = "maker" };
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterRawFunction(
            "context",
            (_, _, _) => new ValueTask<ReadOnlyMemory<byte>>(Encoding.UTF8.GetBytes($"\"{local.Value}\"")),
            new RegisterFunctionOptions { RunsInline = runsInline });

        var seen = await worker.InvokeRawAsync("context", One).Within();

        Assert.Equal("\"\"", Encoding.UTF8.GetString(seen.Span));
    }

    [Fact]
    public async Task Answer_in_front_of_a_message_that_ends_the_connection_still_arrives()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url, new IiiWorkerOptions { MaxMessageBytes = 1024 }).Within();
        using var release = new ManualResetEventSlim();
        var entered = Patience.Signal<bool>();
        worker.RegisterRawFunction(
            "gate",
            (_, _, cancellation) =>
            {
                entered.SetResult(true);
                release.Wait(Patience.Limit, cancellation);
                return default;
            },
            new RegisterFunctionOptions { RunsInline = true });
        Assert.Equal("gate", (await engine.NextAsync()).GetProperty("id").GetString());
        var answer = worker.InvokeRawAsync("f", One).AsTask();
        var id = (await engine.NextAsync()).GetProperty("invocation_id").GetString();

        // While the receive loop is held up, both come into the same read.
        await engine.SayAsync("""{"type":"invokefunction","function_id":"gate","data":1}""");
        await entered.Task.Within();
        await engine.SayAsync($$"""{"type":"invocationresult","invocation_id":"{{id}}","result":2}""");
        await engine.SayAsync(new string(' ', 2048));
        release.Set();

        Assert.Equal("2", Encoding.UTF8.GetString((await answer.Within()).Span));
    }

    private static async Task<bool> BlockAsync(IiiWorker worker, ManualResetEventSlim second)
    {
        await worker.InvokeRawAsync("echo", One).ConfigureAwait(false);
        return second.Wait(Patience.Limit);
    }
}
