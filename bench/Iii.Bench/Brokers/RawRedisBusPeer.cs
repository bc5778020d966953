using System.Buffers.Binary;
using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Iii.Bench.Brokers;

/// <summary>The least between two processes on Redis: its client, pub/sub, one command for each frame, nothing put together.</summary>
internal sealed class RawRedisBusPeer : IBusPeer
{
    private const int InboxBytes = 16;

    private static readonly RedisChannel Requests = RedisChannel.Literal("iii-bench-raw:requests");

    private readonly ConcurrentDictionary<long, TaskCompletionSource<int>> _pending = [];
    private readonly byte[] _inbox = Guid.NewGuid().ToByteArray();
    private readonly ConnectionMultiplexer _connection;
    private readonly ISubscriber _subscriber;
    private long _lastNumber;

    /// <summary>The last answer under way: the next request is not made to wait for it.</summary>
    private Task _answer = Task.CompletedTask;

    private RawRedisBusPeer(ConnectionMultiplexer connection) => (_connection, _subscriber) = (connection, connection.GetSubscriber());

    public static async Task<IBusPeer> ConnectAsync(string url)
    {
        var uri = new Uri(url);
        var peer = new RawRedisBusPeer(await ConnectionMultiplexer.ConnectAsync($"{uri.Host}:{uri.Port}"));
        var answers = await peer._subscriber.SubscribeAsync(RedisChannel.Literal(peer._inbox));
        answers.OnMessage(peer.TakeAnswer);
        return peer;
    }

    public async Task ServeAsync()
    {
        var requests = await _subscriber.SubscribeAsync(Requests);
        requests.OnMessage(request =>
        {
            ReadOnlyMemory<byte> frame = request.Message;
            _answer = _subscriber.PublishAsync(RedisChannel.Literal(frame.Slice(sizeof(long), InboxBytes).ToArray()), frame);
        });
    }

    public async Task<int> CallAsync(ReadOnlyMemory<byte> request)
    {
        var number = Interlocked.Increment(ref _lastNumber);
        var answer = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[number] = answer;
        var frame = new byte[sizeof(long) + InboxBytes + request.Length];
        BinaryPrimitives.WriteInt64LittleEndian(frame, number);
        _inbox.CopyTo(frame, sizeof(long));
        request.Span.CopyTo(frame.AsSpan(sizeof(long) + InboxBytes));
        if (await _subscriber.PublishAsync(Requests, frame) == 0)
        {
            _pending.TryRemove(number, out var _);
            throw new InvalidOperationException("Nobody serves requests.");
        }

        return await answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _answer;
        await _connection.DisposeAsync();
    }

    private void TakeAnswer(ChannelMessage answer)
    {
        ReadOnlyMemory<byte> frame = answer.Message;
        if (_pending.TryRemove(BinaryPrimitives.ReadInt64LittleEndian(frame.Span), out var pending))
        {
            pending.SetResult(frame.Length - sizeof(long) - InboxBytes);
        }
    }
}
