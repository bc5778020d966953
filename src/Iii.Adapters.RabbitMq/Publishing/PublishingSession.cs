using System.Numerics;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.RabbitMq.Publishing;

/// <summary>One channel of a <see cref="ConfirmedPublisher"/>: a pump that sends, and the confirms that come back.</summary>
/// <remarks>
/// The confirms are tracked here and not by the library: it would throw for every message that nobody is bound for, and add a
/// header to every message. The broker numbers messages in the order of sending, so the pump's count is the broker's.
/// </remarks>
#pragma warning disable CA1001 // The timer is disposed by End, which every session comes to.
internal sealed class PublishingSession : IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Requested = 2;

    private readonly LinkSession _link;
    private readonly IChannel _channel;
    private readonly IPublicationSource _source;
    private readonly TimeSpan _confirmTimeout;
    private readonly Timer _watch;
    private readonly Lock _lock = new();

    /// <summary>Held while the source is opened or closed, so that the last word is what is so.</summary>
    private readonly Lock _switching = new();

    /// <summary>What was sent and is not confirmed, at its number modulo the length; null where it is confirmed already.</summary>
    private readonly Publication?[] _underWay;
    private readonly int _maxInFlight;
    private ulong _oldest = 1;
    private ulong _next = 1;
    private bool _hasEnded;
    private int _pump;

    public PublishingSession(LinkSession link, IChannel channel, IPublicationSource source, int maxInFlight, TimeSpan confirmTimeout)
    {
        (_link, _channel, _source, _maxInFlight, _confirmTimeout) = (link, channel, source, maxInFlight, confirmTimeout);
        _underWay = new Publication?[BitOperations.RoundUpToPowerOf2((uint)maxInFlight)];
        channel.BasicAcksAsync += OnAck;
        channel.BasicNacksAsync += OnNack;
        channel.BasicReturnAsync += OnReturn;
        link.BlockedChanged += OnBlockedChanged;
        var interval = confirmTimeout / 4;
        _watch = new Timer(static state => ((PublishingSession)state!).Watch(), this, interval, interval);
    }

    /// <summary>
    /// Sees to it that the pump runs, and looks at the source after this call. When it rests, one message is sent on the caller's
    /// thread, which saves it a change of threads; what else there is leaves on one of the pool.
    /// </summary>
    public void Wake()
    {
        if (Interlocked.Exchange(ref _pump, Requested) == Idle)
        {
            _ = PumpAsync(isBorrowed: true);
        }
    }

    public void Execute() => _ = PumpAsync(isBorrowed: false);

    /// <summary>Opens the source, if the broker takes messages; else as soon as it does.</summary>
    public void Begin() => OnBlockedChanged();

    /// <summary>Fails what is under way, and leaves the source alone from now on.</summary>
    public void End(BrokerException why)
    {
        _link.BlockedChanged -= OnBlockedChanged;
        _watch.Dispose();
        List<Publication> lost;
        lock (_switching)
        {
            lock (_lock)
            {
                _hasEnded = true;
                lost = TakeAll();
            }
        }

        lost.ForEach(publication => publication.Fail(why));
    }

    public async Task CloseAsync()
    {
        try
        {
            await _channel.CloseAsync().ConfigureAwait(false);
            await _channel.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            _link.Fail($"a channel could not be closed: {exception.Message}");
        }
    }

    private async Task PumpAsync(bool isBorrowed)
    {
        try
        {
            do
            {
                Volatile.Write(ref _pump, Running);
                while (TakeNext() is { } publication)
                {
                    await _channel.BasicPublishAsync(
                        publication.Exchange, publication.RoutingKey, mandatory: true, publication.Properties, publication.Body).ConfigureAwait(false);
                    if (isBorrowed && _source.HasNext)
                    {
                        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                        return;
                    }
                }
            }
            while (Interlocked.CompareExchange(ref _pump, Idle, Running) != Running);
        }
#pragma warning disable CA1031 // Whatever went wrong, the count of messages may be off: the session is of no use any more.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // The pump stays marked as running: nothing is sent here any more.
            _link.Fail($"publishing failed: {exception.Message}");
        }
    }

    private Publication? TakeNext()
    {
        lock (_lock)
        {
            if (_hasEnded || _next - _oldest >= (ulong)_maxInFlight || _source.TakeNext() is not { } publication)
            {
                return null;
            }

            publication.SentAt = Environment.TickCount64;
            _underWay[Index(_next++)] = publication;
            return publication;
        }
    }

    private Task OnAck(object sender, BasicAckEventArgs args)
    {
        Settle(args.DeliveryTag, args.Multiple, isTaken: true);
        return Task.CompletedTask;
    }

    private Task OnNack(object sender, BasicNackEventArgs args)
    {
        Settle(args.DeliveryTag, args.Multiple, isTaken: false);
        return Task.CompletedTask;
    }

    /// <summary>Comes before the confirm of the same message.</summary>
    private Task OnReturn(object sender, BasicReturnEventArgs args)
    {
        lock (_lock)
        {
            for (var number = _oldest; number < _next; number++)
            {
                if (_underWay[Index(number)] is { IsReturned: false } publication && publication.Matches(args))
                {
                    publication.IsReturned = true;
                    break;
                }
            }
        }

        return Task.CompletedTask;
    }

    private void Settle(ulong number, bool withAllBefore, bool isTaken)
    {
        for (var each = withAllBefore ? Volatile.Read(ref _oldest) : number; each <= number; each++)
        {
            Publication? publication;
            lock (_lock)
            {
                if (each < _oldest || each >= _next)
                {
                    continue;
                }

                publication = Interlocked.Exchange(ref _underWay[Index(each)], null);
                while (_oldest < _next && _underWay[Index(_oldest)] is null)
                {
                    _oldest++;
                }
            }

            if (isTaken)
            {
                publication?.Confirm();
            }
            else
            {
                publication?.Refuse();
            }
        }

        // Not on this thread: it reads what the broker says.
        if (_source.HasNext && Interlocked.Exchange(ref _pump, Requested) == Idle)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>
    /// Blocked, the broker reads nothing until it has room again: what is under way fails now, and its confirms, which may still
    /// come, count for nothing but the room that they make.
    /// </summary>
    private void OnBlockedChanged()
    {
        lock (_switching)
        {
            if (!_hasEnded)
            {
                Switch();
            }
        }

        Wake();
    }

    private void Switch()
    {
        if (_link.BlockedReason is { } reason)
        {
            var why = LinkErrors.Unavailable(
                $"RabbitMQ takes no messages at the moment ({reason}): it is short of memory or disk space. Free some, or raise its limit.");
            _source.Close(why);
            foreach (var publication in Snapshot())
            {
                publication.Fail(why);
            }

            return;
        }

        foreach (var publication in Snapshot())
        {
            publication.SentAt = Environment.TickCount64;
        }

        _source.Open();
    }

    private void Watch()
    {
        if (_link.BlockedReason is null
            && Snapshot().FirstOrDefault() is { } oldest
            && Environment.TickCount64 - oldest.SentAt > _confirmTimeout.TotalMilliseconds)
        {
            _link.Fail($"the broker did not confirm a message within {_confirmTimeout.TotalSeconds:0.#} s");
        }
    }

    private List<Publication> Snapshot()
    {
        lock (_lock)
        {
            return List();
        }
    }

    private List<Publication> TakeAll()
    {
        var all = List();
        Array.Clear(_underWay);
        _oldest = _next;
        return all;
    }

    private List<Publication> List()
    {
        var list = new List<Publication>();
        for (var number = _oldest; number < _next; number++)
        {
            if (_underWay[Index(number)] is { } publication)
            {
                list.Add(publication);
            }
        }

        return list;
    }

    private int Index(ulong number) => (int)(number & (ulong)(_underWay.Length - 1));
}
