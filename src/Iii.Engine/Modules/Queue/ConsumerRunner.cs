using System.Threading.Channels;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>Keeps the consumer of one source as the source wants it: starts it, replaces it, stops it, and tries again what fails.</summary>
internal sealed class ConsumerRunner : IAsyncDisposable
{
    /// <summary>How long a change is let settle: workers come and go with all their functions at once.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(10);

    private readonly IQueueBroker _broker;
    private readonly JobSource _source;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<bool> _pokes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _retry;
    private readonly List<Task> _stopping = [];
    private readonly Task _running;
    private readonly Lazy<Task> _dispose;
    private IAsyncDisposable? _consumer;
    private QueueSubscription? _subscription;
    private TimeSpan _retryDelay = FirstRetry;
    private string? _lastProblem;

    /// <summary>Begins to look after a source, without waiting for anything.</summary>
    public ConsumerRunner(IQueueBroker broker, JobSource source, TimeProvider time, ILogger logger)
    {
        (_broker, _source, _time, _logger) = (broker, source, time, logger);
        _retry = time.CreateTimer(static state => ((ConsumerRunner)state!).Poke(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.Run(RunAsync);
        _dispose = new Lazy<Task>(StopAsync);
        Poke();
    }

    /// <summary>Says that the source may want something else now.</summary>
    public void Poke() => _pokes.Writer.TryWrite(true);

    /// <summary>Takes no more jobs; done, and may be called again, when those that run have ended and their verdicts are carried out.</summary>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _pokes.Reader.WaitToReadAsync(_stop.Token))
            {
                // What is poked from here on is seen in the next round.
                _pokes.Reader.TryRead(out _);
                await Task.Delay(Settle, _time, _stop.Token);
                await AlignAsync();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped, wherever it was.
        }

        StopConsumer();
        await Task.WhenAll(_stopping);
        await _retry.DisposeAsync();
    }

    private async Task AlignAsync()
    {
        var wanted = _source.Wanted;
        if (wanted == _subscription)
        {
            return;
        }

        StopConsumer();
        if (wanted is null)
        {
            return;
        }

        try
        {
            _consumer = await _broker.ConsumeAsync(wanted, (delivery, _) => _source.HandleAsync(delivery), _stop.Token);
            _subscription = wanted;
            _retryDelay = FirstRetry;
            _lastProblem = null;
            _logger.ConsumingStarted(_source.Queue, _source.Group, wanted.Concurrency);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            // A broker that is away for a night must not fill the log with one line.
            if (_lastProblem != e.Message)
            {
                _lastProblem = e.Message;
                _logger.ConsumingFailed(_source.Queue, _source.Group, e.Message);
            }

            _retry.Change(_retryDelay, Timeout.InfiniteTimeSpan);
            _retryDelay = _retryDelay * 2 < LongestRetry ? _retryDelay * 2 : LongestRetry;
        }
    }

    /// <summary>Lets the consumer drain beside whatever comes next.</summary>
    private void StopConsumer()
    {
        _stopping.RemoveAll(static task => task.IsCompleted);
        if (_consumer is { } consumer)
        {
            _stopping.Add(StopAsync(consumer));
        }

        (_consumer, _subscription) = (null, null);
    }

    private async Task StopAsync(IAsyncDisposable consumer)
    {
        try
        {
            await consumer.DisposeAsync();
            _logger.ConsumingStopped(_source.Queue, _source.Group);
        }
        catch (Exception e) when (e is BrokerException or ObjectDisposedException)
        {
            _logger.StoppingFailed(_source.Queue, _source.Group, e.Message);
        }
    }
}
