using Iii.Protocol;
using Iii.Sdk.Connection;
using Iii.Sdk.Transport;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Functions;

/// <summary>The calls that this worker works on: so many at a time, so many more wait in order, and the rest is refused.</summary>
internal sealed class InboundCalls(IiiWorker worker, EngineConnection connection, IiiWorkerOptions options, ILogger logger) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<InboundCall> _waiting = new();
    private readonly CancellationTokenSource _stopping = new();
    private TaskCompletionSource? _idle;
    private int _running;

    public IiiWorker Worker => worker;

    public CancellationToken Cancellation => _stopping.Token;

    public bool SendsStackTraces => options.SendStackTraces;

    /// <summary>Starts a call, or lets it wait for its turn.</summary>
    public void Accept(InboundCall call, WorkBatch work)
    {
        if (call.Function.RunsInline)
        {
            lock (_gate)
            {
                _running++;
            }

            call.Execute();
            return;
        }

        lock (_gate)
        {
            if (_running >= options.MaxConcurrentInvocations)
            {
                if (_waiting.Count < options.MaxWaitingInvocations)
                {
                    _waiting.Enqueue(call);
                    return;
                }

                call.Fail(
                    ErrorCodes.WorkerOverloaded,
                    $"{call.Function.Id} did not run: {_running} calls run and {_waiting.Count} wait in this worker already");
                return;
            }

            _running++;
        }

        work.Add(call);
    }

    public void Ended(InboundCall call)
    {
        InboundCall? next = null;
        TaskCompletionSource? idle = null;
        lock (_gate)
        {
            if (call.Function.RunsInline || !_waiting.TryDequeue(out next))
            {
                idle = --_running == 0 ? _idle : null;
            }
        }

        if (next is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(next, preferLocal: false);
        }

        idle?.TrySetResult();
    }

    public void Send(ReadOnlySpan<byte> message) => connection.Send(message);

    /// <summary>Whether more waits to be written than should.</summary>
    public bool IsCongested => connection.IsCongested;

    public ValueTask RoomAsync() => connection.RoomAsync(CancellationToken.None);

    public void Failed(string functionId, Exception e) => logger.FunctionFailed(functionId, e);

    /// <summary>Waits until nothing runs, for at most that long; then cancels what still does.</summary>
    public async Task DrainAsync(TimeSpan patience, TimeProvider time)
    {
        Task idle;
        lock (_gate)
        {
            if (_running == 0)
            {
                return;
            }

            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            idle = _idle.Task;
        }

        try
        {
            await idle.WaitAsync(patience, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            logger.HandlersAbandoned(_running);
            await _stopping.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => _stopping.Dispose();
}
