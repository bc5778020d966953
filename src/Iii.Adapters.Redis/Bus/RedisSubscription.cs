using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Bus;

/// <summary>One subscription of the bus: the frames that wait for its handler, and the one thread at a time that calls it.</summary>
internal sealed class RedisSubscription : IChannelSink, IThreadPoolWorkItem, IAsyncDisposable
{
    private readonly RedisMessageBus _bus;
    private readonly string _subject;
    private readonly RedisChannel _channel;
    private readonly BusHandler _handler;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly Queue<BusDelivery> _frames = [];
    private readonly CancellationTokenSource _overdue = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _dispose;
    private bool _hasGap;
    private bool _isHandling;
    private bool _isClosed;

    public RedisSubscription(RedisMessageBus bus, string subject, BusHandler handler, ILogger log)
    {
        (_bus, _subject, _handler, _log) = (bus, subject, handler, log);
        _channel = bus.Connection.Names.Subject(subject);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    /// <summary>The handling of the frames; it never fails.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    private RedisBrokerOptions Options => _bus.Connection.Options;

    public Task StartAsync(CancellationToken cancellationToken) => _bus.Connection.Channels.AddAsync(_channel, this, cancellationToken);

    /// <summary>Takes the frames of a batch; those for which there is no room are forgotten, and that is remembered.</summary>
    public void OnMessage(ReadOnlyMemory<byte> message)
    {
        bool isReadable;
        lock (_lock)
        {
            isReadable = _isClosed || TryTakeFrames(message);
            _hasGap |= !isReadable;
        }

        if (!isReadable)
        {
            RedisLog.UnreadableBatch(_log, message.Length, _subject);
        }
    }

    public void OnGap()
    {
        lock (_lock)
        {
            _hasGap = true;
        }
    }

    public IThreadPoolWorkItem? TakeWork()
    {
        lock (_lock)
        {
            if (_isHandling || _frames.Count == 0)
            {
                return null;
            }

            _isHandling = true;
            return this;
        }
    }

    public void Execute() => Completion = HandleAsync();

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private bool TryTakeFrames(ReadOnlyMemory<byte> batch)
    {
        if (!FrameBatch.TryReadVersion(ref batch))
        {
            return false;
        }

        while (!batch.IsEmpty)
        {
            if (!FrameBatch.TryReadNext(ref batch, out var frame))
            {
                return false;
            }

            if (_frames.Count < _bus.Limits.MaxBufferedFrames)
            {
                _frames.Enqueue(new BusDelivery(frame, _hasGap));
                _hasGap = false;
            }
            else
            {
                _hasGap = true;
            }
        }

        return true;
    }

    private async Task HandleAsync()
    {
        while (TryTakeNext(out var delivery))
        {
            try
            {
                await _handler(delivery, _overdue.Token).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whatever a handler throws, the subscription goes on; the owner is told.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                RedisLog.BusHandlerFailed(_log, exception, _subject);
                Options.HandlerFailed(exception);
            }
        }
    }

    private bool TryTakeNext(out BusDelivery delivery)
    {
        lock (_lock)
        {
            delivery = default;
            if (!_overdue.IsCancellationRequested && _frames.TryDequeue(out delivery))
            {
                return true;
            }

            _isHandling = false;
            if (_isClosed)
            {
                _drained.TrySetResult();
            }

            return false;
        }
    }

    private async Task DrainAsync()
    {
        await _bus.Connection.Channels.RemoveAsync(_channel, this).ConfigureAwait(false);
        lock (_lock)
        {
            _isClosed = true;
            if (!_isHandling && _frames.Count == 0)
            {
                _drained.TrySetResult();
            }
        }

        if (TakeWork() is { } work)
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }

        try
        {
            await _drained.Task.WaitAsync(Options.BusDrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _overdue.CancelAsync().ConfigureAwait(false);
            await _drained.Task.ConfigureAwait(false);
        }

        _bus.Forget(this);
    }
}
