using System.Threading.Channels;
using Iii.Broker;
using Iii.Engine.Discovery;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>Keeps the consumers of one source as the source wants it: starts, replaces, stops them, and tries again what fails.</summary>
/// <remarks>
/// A source without a limit for the cluster has one consumer, and what it replaces drains beside it. Where there is such a limit,
/// what drains still counts: so what is added is a further consumer, for as many places as there are. See <see cref="Allowance"/>.
/// </remarks>
internal sealed class ConsumerRunner : IAsyncDisposable
{
    /// <summary>How long a change is let settle: workers come and go with all their functions at once.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20);

    /// <summary>Most consumers at a time of a source with a limit, without those that stop.</summary>
    public const int MaxConsumers = 8;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(10);

    private readonly IQueueBroker _broker;
    private readonly JobSource _source;
    private readonly PlaceHolder _places;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<bool> _pokes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _retry;
    private readonly List<(GatedConsumer Gate, IAsyncDisposable Consumer)> _consumers = [];
    private readonly List<(GatedConsumer Gate, Task Stopped)> _stopping = [];
    private readonly Task _running;
    private readonly Lazy<Task> _dispose;
    private bool _isShared;
    private TimeSpan _retryDelay = FirstRetry;
    private string? _lastProblem;

    /// <summary>Begins to look after a source, without waiting for anything.</summary>
    public ConsumerRunner(IQueueBroker broker, JobSource source, PlaceDirectory places, TimeProvider time, ILogger logger)
    {
        (_broker, _source, _time, _logger) = (broker, source, time, logger);
        _places = places.Open(source.Id);
        _retry = time.CreateTimer(static state => ((ConsumerRunner)state!).Poke(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.Run(RunAsync);
        _dispose = new Lazy<Task>(StopAsync);
        Poke();
    }

    /// <summary>The places that its consumers have, with those that jobs of stopping ones still use.</summary>
    private int Held => _consumers.Sum(static consumer => consumer.Gate.Places) + Stopping;

    private int Stopping => _stopping.Sum(static stopping => stopping.Gate.Places);

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

        await DrainAsync();
        await _retry.DisposeAsync();
    }

    private async Task AlignAsync()
    {
        var limit = _source.ClusterConcurrency;
        var wanted = _source.Wanted is { } all ? all with { Concurrency = Math.Min(all.Concurrency, limit ?? int.MaxValue) } : null;
        _isShared = wanted is null ? _isShared : limit is not null && !IsServedInTurn(wanted);
        var allowance = _isShared && limit is { } places ? _places.Of(places) : new Allowance(int.MaxValue, int.MaxValue);
        StopConsumers(wanted, Math.Min(allowance.Share, wanted?.Concurrency ?? 0));
        Announce(isTaker: wanted is not null, more: 0);
        if (wanted is null || CountMissing(wanted, allowance.Free) is not (> 0 and var missing))
        {
            return;
        }

        if (_places.UntilSettled is { Ticks: > 0 } left)
        {
            _retry.Change(left, Timeout.InfiniteTimeSpan);
            return;
        }

        Announce(isTaker: true, missing);
        await StartAsync(wanted with { Concurrency = missing }, isGated: limit is not null);
    }

    /// <summary>Whether one instance at a time has the consumer that is at work: then there is nothing to share.</summary>
    private bool IsServedInTurn(QueueSubscription wanted) =>
        wanted.Ordering == QueueOrdering.PerKey && _broker.Features.HasFlag(BrokerFeatures.OrderedInTurn);

    /// <summary>Stops what consumes in another way than is wanted, and what has more than these places.</summary>
    private void StopConsumers(QueueSubscription? wanted, int places)
    {
        _stopping.RemoveAll(static stopping => stopping.Stopped.IsCompleted && stopping.Gate.Places == 0);
        for (var i = _consumers.Count - 1; i >= 0; i--)
        {
            if (!Fits(_consumers[i].Gate, wanted))
            {
                StopConsumer(i);
            }
        }

        while (_isShared && _consumers.Count > 0 && Held > places)
        {
            StopConsumer(_consumers.Count - 1);
        }
    }

    private bool Fits(GatedConsumer consumer, QueueSubscription? wanted) =>
        _isShared ? consumer.IsGated && consumer.Subscription with { Concurrency = wanted?.Concurrency ?? 0 } == wanted
        : consumer.Subscription == wanted;

    /// <summary>For how many jobs a consumer is missing.</summary>
    private int CountMissing(QueueSubscription wanted, int free)
    {
        if (!_isShared)
        {
            return _consumers.Count == 0 ? wanted.Concurrency : 0;
        }

        var places = Math.Min(wanted.Concurrency, free);
        if (places > Held && _consumers.Count == MaxConsumers)
        {
            StopConsumer(_consumers.Count - 1);
        }

        // The last one has all that is left, so it begins when nothing stops any more.
        return _consumers.Count == MaxConsumers - 1 && Stopping > 0 ? 0 : places - Held;
    }

    /// <summary>Tells the others what this source has of the limit for all.</summary>
    private void Announce(bool isTaker, int more) => _places.Announce(_isShared ? new Places(isTaker, Held + more) : default);

    private async Task StartAsync(QueueSubscription subscription, bool isGated)
    {
        var gate = new GatedConsumer(_source, subscription, isGated, Poke);
        try
        {
            _consumers.Add((gate, await _broker.ConsumeAsync(subscription, gate.HandleAsync, _stop.Token)));
            _retryDelay = FirstRetry;
            _lastProblem = null;
            _logger.ConsumingStarted(_source.Queue, _source.Group, subscription.Concurrency);
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // It was stopped meanwhile, and whatever the broker said of it is of no more interest.
        }
        catch (Exception e)
        {
            // A broker that is away for a night must not fill the log with one line.
            if (_lastProblem != e.Message)
            {
                _lastProblem = e.Message;
                _logger.ConsumingFailed(_source.Queue, _source.Group, e.Message);
            }

            Announce(isTaker: true, more: 0);
            _retry.Change(_retryDelay, Timeout.InfiniteTimeSpan);
            _retryDelay = _retryDelay * 2 < LongestRetry ? _retryDelay * 2 : LongestRetry;
        }
    }

    /// <summary>Lets a consumer drain beside whatever comes next.</summary>
    private void StopConsumer(int index)
    {
        var (gate, consumer) = _consumers[index];
        _consumers.RemoveAt(index);
        gate.Stop();
        _stopping.Add((gate, StopAsync(consumer)));
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

    /// <summary>Stops all, and gives their places up one by one as their jobs end.</summary>
    private async Task DrainAsync()
    {
        StopConsumers(wanted: null, places: 0);
        var stopped = Task.WhenAll(_stopping.Select(static stopping => stopping.Stopped));
        while (!stopped.IsCompleted)
        {
            _pokes.Reader.TryRead(out _);
            Announce(isTaker: false, more: 0);
            await Task.WhenAny(stopped, _pokes.Reader.WaitToReadAsync().AsTask());
        }

        _places.Dispose();
    }
}
