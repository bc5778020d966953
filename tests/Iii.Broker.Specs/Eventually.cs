using Xunit;

namespace Iii.Broker.Specs;

/// <summary>Waits on conditions with a bound: the only place of the suites where real time passes.</summary>
public static class Eventually
{
    /// <summary>How long a condition may take to come true. Generous, and longer than a broker takes to recover: it is only reached by a test that fails.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    /// <summary>Waits until a condition holds.</summary>
    /// <param name="what">What is waited for, as the failure says it.</param>
    /// <param name="condition">Asked every few milliseconds.</param>
    public static Task HoldsAsync(string what, Func<bool> condition) => HoldsAsync(what, () => ValueTask.FromResult(condition()));

    /// <inheritdoc cref="HoldsAsync(string, Func{bool})"/>
    public static async Task HoldsAsync(string what, Func<ValueTask<bool>> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Bound, $"After {Bound.TotalSeconds} s still not: {what}.");
            await Task.Delay(Step, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Watches that a condition does not stop to hold for a while. For what must not happen and has nothing that comes after it.</summary>
    public static async Task KeepsHoldingAsync(string what, TimeSpan duration, Func<bool> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var start = TimeProvider.System.GetTimestamp();
        do
        {
            Assert.True(condition(), $"No longer so: {what}.");
            await Task.Delay(Step, TestContext.Current.CancellationToken);
        }
        while (TimeProvider.System.GetElapsedTime(start) < duration);
    }

    /// <summary>Waits for a task.</summary>
    public static async Task CompletesAsync(string what, Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        await HoldsAsync(what, () => task.IsCompleted);
        await task;
    }
}
