using System.Threading.Channels;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>One subscription: a bounded channel and the one loop that reads it.</summary>
internal sealed class BusSubscription : IAsyncDisposable
{
    private readonly BusReceiver _receiver;
    private readonly RabbitMqBrokerOptions _options;
    private readonly ILogger _logger;
    private readonly BusHandler _handler;
    private readonly Channel<BusDelivery> _frames;
    private readonly CancellationTokenSource _overdue = new();
    private readonly Lazy<Task> _dispose;
    private Task _loop = Task.CompletedTask;
    private int _hasGap;

    public BusSubscription(BusReceiver receiver, RabbitMqBrokerOptions options, ILogger logger, string subject, BusHandler handler)
    {
        (_receiver, _options, _logger, _handler, Subject) = (receiver, options, logger, handler, subject);
        _frames = Channel.CreateBounded<BusDelivery>(
            new BoundedChannelOptions(options.Limits.MaxBufferedFrames) { SingleReader = true, SingleWriter = true });
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public string Subject { get; }

    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Takes a frame, or forgets it and remembers that it did. Called by one thread at a time.</summary>
    public void Offer(ReadOnlyMemory<byte> frame)
    {
        var afterGap = Volatile.Read(ref _hasGap) != 0 && Interlocked.Exchange(ref _hasGap, 0) != 0;
        if (!_frames.Writer.TryWrite(new BusDelivery(frame, afterGap)))
        {
            MarkGap();
        }
    }

    /// <summary>Frames may have been lost: the next delivery says so.</summary>
    public void MarkGap() => Volatile.Write(ref _hasGap, 1);

    public ValueTask DisposeAsync() => new(_dispose.Value);

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
                    _logger.HandlerThrew(exception, Subject);
                    _options.HandlerFailed(exception);
                }
            }
        }
    }

    private async Task DrainAsync()
    {
        await _receiver.RemoveAsync(this).ConfigureAwait(false);
        _frames.Writer.TryComplete();
        try
        {
            await _loop.WaitAsync(_options.BusDrainTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _overdue.CancelAsync().ConfigureAwait(false);
            await _loop.ConfigureAwait(false);
        }
    }
}
