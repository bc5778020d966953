using System.Runtime.CompilerServices;

namespace Iii.Sdk.Transport;

/// <summary>
/// Awaits a read that is under way and meanwhile works on this thread: whatever the work does to the thread, the read goes on
/// on another one.
/// </summary>
internal readonly struct ReadBesideWork(ValueTask<int> read, WorkBatch work) : ICriticalNotifyCompletion
{
    private readonly ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter _read = read.ConfigureAwait(false).GetAwaiter();

    public bool IsCompleted
    {
        get
        {
            if (!_read.IsCompleted)
            {
                return false;
            }

            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
            return true;
        }
    }

    public ReadBesideWork GetAwaiter() => this;

    public int GetResult() => _read.GetResult();

    public void OnCompleted(Action continuation)
    {
        _read.OnCompleted(continuation);
        work.Execute();
    }

    public void UnsafeOnCompleted(Action continuation)
    {
        _read.UnsafeOnCompleted(continuation);
        work.Execute();
    }
}
