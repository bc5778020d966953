using System.Diagnostics;
using Iii.Bench.Processes;

namespace Iii.Bench.Queues;

/// <summary>One phase on one queue in a fresh folder.</summary>
/// <param name="Jobs">How many.</param>
/// <param name="Publishers">Enqueueings in flight.</param>
/// <param name="PayloadBytes">Of each job.</param>
internal sealed record JobLoad(int Jobs, int Publishers, int PayloadBytes)
{
    /// <summary>Jobs per second, and CPU time of this process per job.</summary>
    public async Task<(double Rate, double Micros)> MeasureAsync(JobPhase phase, Func<string, Task<IJobQueue>> open)
    {
        using var folder = new WorkFolder();
        await using var queue = await open(folder.Path);
        var handled = 0;
        var allHandled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Count()
        {
            if (Interlocked.Increment(ref handled) == Jobs)
            {
                allHandled.SetResult();
            }
        }

        if (phase == JobPhase.Consume)
        {
            await PublishAsync(queue);
        }

        if (phase == JobPhase.Both)
        {
            await queue.ConsumeAsync(Count);
        }

        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        switch (phase)
        {
            case JobPhase.Publish:
                await PublishAsync(queue);
                break;
            case JobPhase.Consume:
                await queue.ConsumeAsync(Count);
                await allHandled.Task;
                break;
            default:
                await PublishAsync(queue);
                await allHandled.Task;
                break;
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (Jobs / seconds, (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / Jobs);
    }

    private Task PublishAsync(IJobQueue queue)
    {
        var next = -1;
        return Task.WhenAll(Enumerable.Range(0, Publishers).Select(_ => Task.Run(async () =>
        {
            var payload = new byte[PayloadBytes];
            for (var number = Interlocked.Increment(ref next); number < Jobs; number = Interlocked.Increment(ref next))
            {
                await queue.EnqueueAsync(payload, number);
            }
        })));
    }
}
