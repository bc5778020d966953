using Iii.Sdk.Tests.Support;
using Iii.Sdk.Transport;

namespace Iii.Sdk.Tests;

public class WorkBatchTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1000)]
    public async Task Every_part_runs_once_however_many_threads_run_the_batch(int count)
    {
        var (batch, runs, left, done) = (NewBatch(), new int[count], count, Patience.Signal<bool>());
        for (var i = 0; i < count; i++)
        {
            var number = i;
            batch.Add(new Part(() =>
            {
                Interlocked.Increment(ref runs[number]);
                if (Interlocked.Decrement(ref left) == 0)
                {
                    done.SetResult(true);
                }
            }));
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(batch.Execute))).Within();

        await done.Task.Within();
        Assert.All(runs, static run => Assert.Equal(1, run));
    }

    [Fact]
    public async Task Part_that_blocks_its_thread_holds_up_no_other()
    {
        using var release = new ManualResetEventSlim();
        var (batch, released) = (NewBatch(), Patience.Signal<bool>());
        batch.Add(new Part(() => released.SetResult(release.Wait(Patience.Limit))));
        for (var i = 0; i < 10; i++)
        {
            batch.Add(new Part(static () => { }));
        }

        batch.Add(new Part(release.Set));

        await Task.Run(batch.Execute).Within();

        Assert.True(await released.Task.Within());
    }

    [Fact]
    public async Task Part_does_not_see_what_another_left_on_the_thread()
    {
        var (batch, local, seen) = (NewBatch(), new AsyncLocal<string?>(), Patience.Signal<string?>());
        batch.Add(new Part(() => local.Value = "first"));
        batch.Add(new Part(() => seen.SetResult(local.Value)));

        await Task.Run(batch.Execute).Within();

        Assert.Null(await seen.Task.Within());
    }

    [Fact]
    public async Task What_the_parts_sent_is_written_whole()
    {
        await using var stream = new MemoryStream();
        var outbound = new OutboundFrames(stream);
        var (batch, left, done) = (new WorkBatch(outbound), 100, Patience.Signal<bool>());
        for (var i = 0; i < 100; i++)
        {
            batch.Add(new Part(() =>
            {
                Assert.True(outbound.TryAppend(Opcode.Text, "12345"u8));
                if (Interlocked.Decrement(ref left) == 0)
                {
                    done.SetResult(true);
                }
            }));
        }

        await Task.Run(batch.Execute).Within();
        await done.Task.Within();
        await outbound.WrittenAsync().Within();

        // Head, mask and payload.
        Assert.Equal(100 * (2 + 4 + 5), stream.Length);
    }

    private static WorkBatch NewBatch() => new(new OutboundFrames(Stream.Null));

    private sealed class Part(Action action) : IThreadPoolWorkItem
    {
        public void Execute() => action();
    }
}
