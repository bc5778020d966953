namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Waits for as long as something goes on, however slow the machine is.</summary>
internal static class Progress
{
    /// <summary>Longer than a lease, a reconnect and a restart of the broker together.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Waits until a count is reached, as long as it grows now and then.</summary>
    public static async Task ReachesAsync(string what, Func<int> count, long until)
    {
        for (var reached = count(); reached < until;)
        {
            reached = await Eventually.ValueAsync(
                $"it goes on, until {what} at {until}", () => Task.FromResult(count()), now => now > reached, Patience);
        }
    }
}
