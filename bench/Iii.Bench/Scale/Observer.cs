using System.Text;
using Iii.Bench.Wire;

namespace Iii.Bench.Scale;

/// <summary>The worker that asks the engine what is registered. One question at a time.</summary>
internal sealed class Observer : IDisposable
{
    private readonly WorkerConnection _connection;
    private readonly CancellationTokenSource _life = new();
    private readonly Task _receiving;
    private TaskCompletionSource<byte[]>? _answer;

    private Observer(WorkerConnection connection)
    {
        _connection = connection;
        _receiving = connection.RunAsync(Take, _life.Token);
    }

    public static async Task<Observer> ConnectAsync(Uri url, CancellationToken cancellation) =>
        new(await WorkerConnection.ConnectAsync(url, cancellation));

    /// <summary>How many functions of the swarm are listed.</summary>
    public Task<int> CountFunctionsAsync(CancellationToken cancellation) =>
        CountAsync("engine::functions::list", "\"function_id\":\"swarm::", cancellation);

    /// <summary>How many workers of the swarm are listed.</summary>
    public Task<int> CountWorkersAsync(CancellationToken cancellation) =>
        CountAsync("engine::workers::list", "\"name\":\"swarm-", cancellation);

    public void Dispose()
    {
        _life.Cancel();
        _connection.Dispose();
    }

    private async Task<int> CountAsync(string functionId, string mark, CancellationToken cancellation)
    {
        _answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        _connection.Send(Encoding.UTF8.GetBytes(
            $$$"""{"type":"invokefunction","invocation_id":"{{{Guid.NewGuid()}}}","function_id":"{{{functionId}}}","data":{}}"""));
        _connection.Flush();
        await Task.WhenAny(_answer.Task, _receiving).WaitAsync(cancellation);
        return _answer.Task.IsCompleted
            ? _answer.Task.Result.AsSpan().Count(Encoding.UTF8.GetBytes(mark))
            : throw new IOException("The engine ended the observer's connection.");
    }

    private void Take(ReadOnlySpan<byte> message)
    {
        if (Envelope.TryRead(message, out var envelope) && envelope.Kind == MessageKind.InvocationResult)
        {
            _answer?.TrySetResult(message.ToArray());
        }
    }
}
