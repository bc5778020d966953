using Iii.Broker;
using Iii.Broker.Memory;
using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Support;

/// <summary>An adapter over a memory world whose first attempts to connect fail as a test says.</summary>
internal sealed class FakeAdapter(Func<int, CancellationToken, ValueTask> connecting) : IBrokerAdapter
{
    private int _attempts;

    public string Name => "fake";

    public int Attempts => Volatile.Read(ref _attempts);

    /// <summary>Seams that were handed out and not disposed of yet.</summary>
    public int Open { get; private set; }

    /// <summary>Is not reachable for the first so many attempts.</summary>
    public static FakeAdapter Failing(int attempts) => new((attempt, _) => attempt <= attempts
        ? throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"Nobody is there, {attempt}.")
        : ValueTask.CompletedTask);

    public async ValueTask<BrokerSeams> ConnectAsync(
        BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken)
    {
        await connecting(Interlocked.Increment(ref _attempts), cancellationToken);
        Open++;
        return new BrokerSeams { Bus = new MemoryMessageBus(new MemoryWorld()), Connection = new Closing(this) };
    }

    private sealed class Closing(FakeAdapter adapter) : IAsyncDisposable
    {
        private bool _isDisposed;

        public ValueTask DisposeAsync()
        {
            adapter.Open -= _isDisposed ? 0 : 1;
            _isDisposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
