namespace Iii.Broker.Memory;

/// <summary>One consumer of a group. Its queue's lock guards what changes; its deliveries run without it.</summary>
internal sealed class MemoryConsumer : IAsyncDisposable
{
    private readonly MemoryQueueBroker _broker;
    private readonly MemoryWorld _world;
    private readonly MemoryLink _link;
    private readonly MemoryQueue _queue;
    private readonly HashSet<MemoryDelivery> _running = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lazy<Task> _dispose;
    private QueueGroup _group = null!;
    private bool _isStopping;

    public MemoryConsumer(
        MemoryQueueBroker broker, MemoryWorld world, MemoryLink link, MemoryQueue queue, QueueSubscription subscription, QueueHandler handler)
    {
        (_broker, _world, _link, _queue, Subscription, Handler) = (broker, world, link, queue, subscription, handler);
        _dispose = new Lazy<Task>(DrainAsync);
    }

    public QueueSubscription Subscription { get; }

    public QueueHandler Handler { get; }

    /// <summary>Whether it can take another message now.</summary>
    public bool IsFree => !_isStopping && _link.IsUp && _running.Count < Subscription.Concurrency;

    public Action<Exception> HandlerFailed => _world.Options.HandlerFailed;

    /// <summary>Becomes a consumer of the group. Under the lock.</summary>
    public void Join(QueueGroup group)
    {
        _group = group;
        group.Add(this);
        _link.Changed += OnLinkChanged;
        if (!_link.IsUp)
        {
            OnLinkChanged();
        }
    }

    /// <summary>Starts a delivery. Under the lock.</summary>
    public void Start(QueueEntry entry)
    {
        var delivery = new MemoryDelivery(this, entry, _queue.Name, _group.Name!);
        _running.Add(delivery);
        ThreadPool.UnsafeQueueUserWorkItem(delivery, preferLocal: false);
    }

    /// <summary>Whether the handler may still be called: the message may have been given to another while the work item waited.</summary>
    public bool TryBegin(MemoryDelivery delivery)
    {
        lock (_queue.Lock)
        {
            delivery.HasEnded = delivery.IsAbandoned;
            return !delivery.IsAbandoned;
        }
    }

    /// <summary>The handler has given its verdict, or null and why not.</summary>
    public void Complete(MemoryDelivery delivery, QueueVerdict? verdict, AttemptFailure? failure)
    {
        lock (_queue.Lock)
        {
            delivery.HasEnded = true;
            // Cut off, the verdict cannot reach the world: the message stays leased until its time has passed.
            if (_link.IsUp && !delivery.IsAbandoned)
            {
                Settle(delivery, verdict, failure);
            }

            SignalIfDrained();
        }
    }

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private void Settle(MemoryDelivery delivery, QueueVerdict? verdict, AttemptFailure? failure)
    {
        _running.Remove(delivery);
        delivery.StopLeaseTimer();
        if (verdict is not null)
        {
            _group.Finish(delivery.Entry, verdict);
        }
        else
        {
            _group.GiveBack(delivery.Entry, failure!);
        }
    }

    /// <summary>While the link is up a lease counts as renewed all the time; it begins to run out when the link is cut.</summary>
    private void OnLinkChanged()
    {
        lock (_queue.Lock)
        {
            foreach (var delivery in _running)
            {
                if (!_link.IsUp)
                {
                    delivery.StartLeaseTimer(_world.Clock, Subscription.LeaseTime, () => OnLeaseOver(delivery));
                }
                else if (!delivery.HasEnded && !delivery.IsAbandoned)
                {
                    delivery.StopLeaseTimer();
                }
            }

            _group.Deliver();
        }
    }

    private void OnLeaseOver(MemoryDelivery delivery)
    {
        lock (_queue.Lock)
        {
            if (!_running.Contains(delivery) || !delivery.IsLeaseOver(_world.Clock))
            {
                return;
            }

            delivery.IsAbandoned = true;
        }

        delivery.Cancel();
        GiveBack([delivery], "The consumer could not be reached until its lease was over.");
    }

    /// <summary>Lets others have what was abandoned; only after its handlers were told, so that none starts late without knowing.</summary>
    private void GiveBack(IEnumerable<MemoryDelivery> abandoned, string why)
    {
        lock (_queue.Lock)
        {
            foreach (var delivery in abandoned.Where(_running.Contains))
            {
                Settle(delivery, null, new AttemptFailure(AttemptFailure.ConsumerLost, why));
            }

            SignalIfDrained();
        }
    }

    private async Task DrainAsync()
    {
        lock (_queue.Lock)
        {
            _isStopping = true;
            SignalIfDrained();
        }

        try
        {
            await _drained.Task.WaitAsync(Subscription.DrainTimeout, _world.Clock.Provider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            GiveUpOnRunning();
        }

        lock (_queue.Lock)
        {
            _group.Remove(this);
        }

        // A consumer that is cut off cannot say goodbye: it stays to see its leases run out.
        if (_link.IsUp)
        {
            _link.Changed -= OnLinkChanged;
        }

        _broker.Forget(this);
    }

    private void GiveUpOnRunning()
    {
        MemoryDelivery[] abandoned;
        lock (_queue.Lock)
        {
            abandoned = [.. _running.Where(delivery => !delivery.HasEnded)];
            foreach (var delivery in abandoned)
            {
                delivery.IsAbandoned = true;
            }
        }

        foreach (var delivery in abandoned)
        {
            delivery.Cancel();
        }

        // Cut off, giving back cannot reach the world: its leases have to run out.
        if (_link.IsUp)
        {
            GiveBack(abandoned, "The consumer stopped before the handler had finished.");
        }
    }

    private void SignalIfDrained()
    {
        if (_isStopping && _running.All(delivery => delivery.HasEnded))
        {
            _drained.TrySetResult();
        }
    }
}
