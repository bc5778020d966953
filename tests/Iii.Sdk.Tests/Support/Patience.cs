namespace Iii.Sdk.Tests.Support;

/// <summary>How long a test waits for what should happen at once.</summary>
internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static Task Within(this Task task) => task.WaitAsync(Limit, TestContext.Current.CancellationToken);

    public static Task<T> Within<T>(this Task<T> task) => task.WaitAsync(Limit, TestContext.Current.CancellationToken);

    public static Task<T> Within<T>(this ValueTask<T> task) => task.AsTask().Within();

    public static Task Within(this ValueTask task) => task.AsTask().Within();

    public static TaskCompletionSource<T> Signal<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Calls until a function is there: what one worker registers takes a moment to reach another's calls.</summary>
    public static async Task<T> EventuallyAsync<T>(Func<ValueTask<T>> call)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        while (true)
        {
            try
            {
                return await call();
            }
            catch (IiiInvocationException e) when (e.Code == "function_not_found" && !limit.IsCancellationRequested)
            {
                await Task.Yield();
            }
        }
    }
}
