using System.Threading.Channels;

namespace Iii.Broker.Memory;

/// <summary>One subscription of the bus: a bounded channel and the one loop that reads it.</summary>
internal sealed class MemorySubscription : IAsyncDisposable
{
    private readonly MemoryMessageBus _bus;
    private readonly MemoryWorld _world;
    private readonly MemoryLink _link;
    private readonly BusHandler _handler;
    private readonly Channel<BusDelivery> _frames;
    private readonly CancellationTokenSource _overdue = new();
    private readonly Lazy<Task> _dispose;
    private Task _loop = Task.CompletedTask;
    private int _hasGap;

    public MemorySubscription(MemoryMessageBus bus, MemoryWorld world, MemoryLink link, string subject, BusHandler handler)
    {
        (_bus, _world, _link, _handler, Subject) = (bus, world, link, handler, subject);
        _frames = Channel.CreateBounded<BusDelivery>(
            new BoundedChannelOptions(world.Options.Limits.MaxBufferedFrames) { SingleReader = true });
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public string Subject { get; }

    public void Start() => _loop = Task.Run(RunAsync);

    /// <summary>Takes a frame, or forgets it and remembers that it did. False when nobody is there to hear it.</summary>
    public bool Offer(ReadOnlyMemory<byte> frame)
    {
        if (!_link.IsUp)
        {
            Volatile.Write(ref _hasGap, 1);
            return false;
        }

        var afterGap = Volatile.Read(ref _hasGap) != 0 && Interlocked.Exchange(ref _hasGap, 0) != 0;
        if (!_frames.Writer.TryWrite(new BusDelivery(frame, afterGap)))
        {
            Volatile.Write(ref _hasGap, 1);
        }

        return true;
    }

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
                    _world.Options.HandlerFailed(exception);
                }
            }
        }
    }

    private async Task DrainAsync()
    {
        _world.Subjects.Remove(this);
        _frames.Writer.TryComplete();
        try
        {
            await _loop.WaitAsync(_world.Options.BusDrainTimeout, _world.Clock.Provider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _overdue.CancelAsync().ConfigureAwait(false);
            await _loop.ConfigureAwait(false);
        }

        _bus.Forget(this);
    }
}
