using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Bus;

/// <summary>One subscription of the bus: a bounded channel and the one loop that reads it.</summary>
internal sealed class RedisSubscription : IChannelSink, IAsyncDisposable
{
    private readonly RedisMessageBus _bus;
    private readonly string _subject;
    private readonly RedisChannel _redisChannel;
    private readonly BusHandler _handler;
    private readonly ILogger _log;
    private readonly Channel<BusDelivery> _frames;
    private readonly CancellationTokenSource _overdue = new();
    private readonly Lazy<Task> _dispose;
    private Task _loop = Task.CompletedTask;
    private int _hasGap;

    public RedisSubscription(RedisMessageBus bus, string subject, BusHandler handler, ILogger log)
    {
        (_bus, _subject, _handler, _log) = (bus, subject, handler, log);
        _redisChannel = bus.Connection.Names.Subject(subject);
        _frames = Channel.CreateBounded<BusDelivery>(
            new BoundedChannelOptions(bus.Limits.MaxBufferedFrames) { SingleReader = true, SingleWriter = true });
        _dispose = new Lazy<Task>(DrainAsync);
    }

    private RedisBrokerOptions Options => _bus.Connection.Options;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _bus.Connection.Channels.AddAsync(_redisChannel, this, cancellationToken).ConfigureAwait(false);
        _loop = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>Takes the frames of a batch; those for which there is no room are forgotten, and that is remembered.</summary>
    public void OnMessage(ReadOnlyMemory<byte> message)
    {
        var rest = message;
        var isReadable = FrameBatch.TryReadVersion(ref rest);
        while (isReadable && !rest.IsEmpty)
        {
            isReadable = FrameBatch.TryReadNext(ref rest, out var frame);
            if (isReadable)
            {
                Offer(frame);
            }
        }

        if (!isReadable)
        {
            RedisLog.UnreadableBatch(_log, message.Length, _subject);
            OnGap();
        }
    }

    public void OnGap() => Volatile.Write(ref _hasGap, 1);

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private void Offer(ReadOnlyMemory<byte> frame)
    {
        var afterGap = Volatile.Read(ref _hasGap) != 0 && Interlocked.Exchange(ref _hasGap, 0) != 0;
        if (!_frames.Writer.TryWrite(new BusDelivery(frame, afterGap)))
        {
            OnGap();
        }
    }

    private async Task RunAsync()
    {
        while (!_overdue.IsCancellationRequested && await _frames.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (!_overdue.IsCancellationRequested && _frames.Reader.TryRead(out var delivery))
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
    }

    private async Task DrainAsync()
    {
        await _bus.Connection.Channels.RemoveAsync(_redisChannel, this).ConfigureAwait(false);
        _frames.Writer.TryComplete();
        try
        {
            await _loop.WaitAsync(Options.BusDrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _overdue.CancelAsync().ConfigureAwait(false);
            await _loop.ConfigureAwait(false);
        }

        _bus.Forget(this);
    }
}
