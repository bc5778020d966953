using System.Text;
using Iii.Bench.Wire;

namespace Iii.Bench.Scale;

/// <summary>One of many workers: registers ten functions, introduces itself, and then only answers pings.</summary>
internal sealed class SwarmWorker : IDisposable
{
    public const int Functions = 10;

    // The answers to a worker that is never called are small.
    private const int ReadBytes = 4 * 1024;

    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(10);

    private readonly WorkerConnection _connection;
    private readonly TaskCompletionSource _introduced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _life = new();
    private readonly Task _receiving;

    private SwarmWorker(WorkerConnection connection)
    {
        _connection = connection;
        _receiving = connection.RunAsync(Take, _life.Token);
    }

    /// <summary>Connects and registers; returns once the engine has worked all of it through.</summary>
    public static async Task<SwarmWorker> StartAsync(Uri url, int number, CancellationToken cancellation)
    {
        var worker = new SwarmWorker(await WorkerConnection.ConnectAsync(url, cancellation, ReadBytes));
        try
        {
            worker.Register(number);
            await Task.WhenAny(worker._introduced.Task, worker._receiving).WaitAsync(cancellation);
            return worker._introduced.Task.IsCompleted
                ? worker
                : throw new IOException($"The engine ended the connection of worker {number} before it was registered.");
        }
        catch
        {
            worker.Dispose();
            throw;
        }
    }

    /// <summary>Goes, with a close frame or without a word.</summary>
    public async Task EndAsync(bool politely)
    {
        if (politely)
        {
            _connection.Close();
            await _receiving.WaitAsync(ClosePatience);
        }

        Dispose();
    }

    public void Dispose()
    {
        _life.Cancel();
        _connection.Dispose();
    }

    private void Register(int number)
    {
        for (var function = 0; function < Functions; function++)
        {
            Send($$"""{"type":"registerfunction","id":"swarm::w{{number}}::f{{function}}","description":"function {{function}} of worker {{number}}"}""");
        }

        Send($$"""
            {
              "type": "invokefunction", "invocation_id": "{{Guid.NewGuid()}}", "function_id": "engine::workers::register",
              "data": { "runtime": "bench", "version": "1.0.0", "name": "swarm-{{number}}", "os": "linux", "pid": {{number}} }
            }
            """);
        _connection.Flush();
    }

    private void Take(ReadOnlySpan<byte> message)
    {
        if (Envelope.TryRead(message, out var envelope) && envelope.Kind == MessageKind.InvocationResult)
        {
            _introduced.TrySetResult();
        }
    }

    private void Send(string message) => _connection.Send(Encoding.UTF8.GetBytes(message));
}
