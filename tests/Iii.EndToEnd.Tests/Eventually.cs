using System.Diagnostics;
using Xunit.Sdk;

namespace Iii.EndToEnd.Tests;

/// <summary>Waits for what must become true, up to a bound, and tells what was seen last when it does not.</summary>
internal static class Eventually
{
    /// <summary>How long things may take when nothing else is said: generous, because the machine may be busy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    /// <summary>Waits until <paramref name="condition"/> holds.</summary>
    /// <param name="what">What is expected, to complete "expected that …".</param>
    /// <param name="condition">May throw while it does not hold.</param>
    /// <param name="within">The bound; null for <see cref="Patience"/>.</param>
    public static Task TrueAsync(string what, Func<Task<bool>> condition, TimeSpan? within = null) =>
        ValueAsync(what, condition, static holds => holds, within);

    /// <inheritdoc cref="TrueAsync(string, Func{Task{bool}}, TimeSpan?)"/>
    public static Task TrueAsync(string what, Func<bool> condition, TimeSpan? within = null) =>
        ValueAsync(what, () => Task.FromResult(condition()), static holds => holds, within);

    /// <summary>Probes until a value is as it must be, and returns it.</summary>
    public static async Task<T> ValueAsync<T>(string what, Func<Task<T>> probe, Func<T, bool> until, TimeSpan? within = null)
    {
        var bound = within ?? Patience;
        var watch = Stopwatch.StartNew();
        using var ticks = new PeriodicTimer(Interval);
        while (true)
        {
            string seen;
            try
            {
                var value = await probe();
                if (until(value))
                {
                    return value;
                }

                seen = $"{value}";
            }
            catch (Exception e) when (e is not XunitException and not OperationCanceledException { InnerException: null })
            {
                seen = $"{e.GetType().Name}: {e.Message}";
            }

            if (watch.Elapsed > bound)
            {
                throw new XunitException($"Expected that {what} within {bound.TotalSeconds:0.#} s. Seen last: {seen}");
            }

            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Waits for a task that must end.</summary>
    public static async Task<T> EndsAsync<T>(string what, Task<T> task, TimeSpan? within = null)
    {
        await EndsAsync(what, (Task)task, within);
        return await task;
    }

    /// <inheritdoc cref="EndsAsync{T}(string, Task{T}, TimeSpan?)"/>
    public static async Task EndsAsync(string what, Task task, TimeSpan? within = null)
    {
        var bound = within ?? Patience;
        try
        {
            await task.WaitAsync(bound, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw new XunitException($"Expected that {what} within {bound.TotalSeconds:0.#} s.");
        }
    }
}
