using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using Iii.Broker;

namespace Iii.Bench.Brokers;

/// <summary>Requests and answers as the engine sends them: frames to an inbox, with a number that names the call.</summary>
/// <param name="bus">The bus.</param>
/// <param name="connection">What it runs on, disposed after it.</param>
internal sealed class AdapterBusPeer(IMessageBus bus, IAsyncDisposable connection) : IBusPeer
{
    private const string RequestSubject = "bench.requests";

    private readonly ConcurrentDictionary<long, TaskCompletionSource<int>> _pending = [];
    private readonly string _inbox = $"bench.{Guid.NewGuid():N}";
    private readonly SemaphoreSlim _isSubscribing = new(1, 1);
    private volatile bool _isSubscribed;
    private long _lastNumber;

    /// <summary>The last answer under way: the next request is not made to wait for it.</summary>
    private Task _answer = Task.CompletedTask;

    public async Task ServeAsync() => await bus.SubscribeAsync(RequestSubject, (delivery, _) =>
    {
        // The subject of the caller's inbox follows the number; the engine finds it in its envelope.
        var inbox = Encoding.ASCII.GetString(delivery.Frame.Span.Slice(sizeof(long), _inbox.Length));
        _answer = bus.PublishAsync(inbox, delivery.Frame, CancellationToken.None).AsTask();
        return default;
    });

    public async Task<int> CallAsync(ReadOnlyMemory<byte> request)
    {
        await SubscribeAsync();
        var number = Interlocked.Increment(ref _lastNumber);
        var answer = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[number] = answer;
        var frame = new byte[sizeof(long) + _inbox.Length + request.Length];
        BinaryPrimitives.WriteInt64LittleEndian(frame, number);
        Encoding.ASCII.GetBytes(_inbox, frame.AsSpan(sizeof(long)));
        request.Span.CopyTo(frame.AsSpan(sizeof(long) + _inbox.Length));
        if (await bus.PublishAsync(RequestSubject, frame) == PublishOutcome.NobodyListens)
        {
            _pending.TryRemove(number, out var _);
            throw new InvalidOperationException("Nobody serves requests.");
        }

        return await answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _answer;
        await bus.DisposeAsync();
        await connection.DisposeAsync();
    }

    private async Task SubscribeAsync()
    {
        if (_isSubscribed)
        {
            return;
        }

        await _isSubscribing.WaitAsync();
        if (!_isSubscribed)
        {
            await bus.SubscribeAsync(_inbox, (delivery, _) =>
            {
                if (_pending.TryRemove(BinaryPrimitives.ReadInt64LittleEndian(delivery.Frame.Span), out var answer))
                {
                    answer.SetResult(delivery.Frame.Length - sizeof(long) - _inbox.Length);
                }

                return default;
            });
            _isSubscribed = true;
        }

        _isSubscribing.Release();
    }
}
