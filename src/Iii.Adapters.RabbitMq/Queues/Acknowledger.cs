using Iii.Adapters.RabbitMq.Connections;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// Acknowledges the deliveries of a channel, those that are waiting together where they follow on each other: to the broker one
/// acknowledgement is one command to all replicas, whether it is for one message or for all up to a number.
/// </summary>
internal sealed class Acknowledger(LinkSession session, IChannel channel)
{
    private readonly Lock _lock = new();

    /// <summary>Delivered and not settled; what is waiting to be acknowledged is not here any more.</summary>
    private readonly SortedSet<ulong> _open = [];
    private List<ulong> _waiting = [];
    private Task _pump = Task.CompletedTask;
    private bool _isPumping;
    private bool _isHeld;

    /// <summary>A delivery has come.</summary>
    public void Open(ulong tag)
    {
        lock (_lock)
        {
            _open.Add(tag);
        }
    }

    /// <summary>Acknowledges a delivery, soon.</summary>
    public void Acknowledge(ulong tag)
    {
        lock (_lock)
        {
            _open.Remove(tag);
            _waiting.Add(tag);
            Start();
        }
    }

    /// <summary>Sends no further ones; completes when those that were being sent are sent.</summary>
    public Task HoldAsync()
    {
        lock (_lock)
        {
            _isHeld = true;
            return _pump;
        }
    }

    /// <summary>Goes on after <see cref="HoldAsync"/>.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _isHeld = false;
            Start();
        }
    }

    /// <summary>Gives a delivery back.</summary>
    public async Task GiveBackAsync(ulong tag)
    {
        await channel.BasicNackAsync(tag, multiple: false, requeue: true).ConfigureAwait(false);

        // Not before: until then nothing may be acknowledged that is meant to be all up to a later number.
        lock (_lock)
        {
            _open.Remove(tag);
        }
    }

    /// <summary>Completes when what was acknowledged so far has been sent.</summary>
    public Task FlushAsync()
    {
        lock (_lock)
        {
            return _pump;
        }
    }

    /// <summary>Under the lock.</summary>
    private void Start()
    {
        if (!_isPumping && !_isHeld && _waiting.Count > 0)
        {
            _isPumping = true;
            _pump = Task.Run(PumpAsync);
        }
    }

    private async Task PumpAsync()
    {
        try
        {
            while (Take() is var (tags, upTo) && tags.Count > 0)
            {
                foreach (var tag in tags)
                {
                    if (tag == upTo || tag > upTo)
                    {
                        await channel.BasicAckAsync(tag, multiple: tag == upTo).ConfigureAwait(false);
                    }
                }
            }
        }
        catch (OperationInterruptedException closed) when (closed.ShutdownReason?.Initiator == ShutdownInitiator.Application)
        {
            // The channel was closed here meanwhile, which is no loss: whatever was not acknowledged is delivered again.
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            // Whatever was not acknowledged is delivered again.
            session.Fail($"messages could not be acknowledged: {exception.Message}");
        }
    }

    /// <summary>What waits, in order, and the highest number up to which nothing is open; 0 for none.</summary>
    private (List<ulong> Tags, ulong UpTo) Take()
    {
        List<ulong> tags;
        ulong firstOpen;
        lock (_lock)
        {
            tags = _isHeld ? [] : _waiting;
            _waiting = _isHeld ? _waiting : [];
            _isPumping = tags.Count > 0;
            firstOpen = _open.Count > 0 ? _open.Min : ulong.MaxValue;
        }

        tags.Sort();
        var end = tags.FindLastIndex(tag => tag < firstOpen);
        return (tags, end < 0 ? 0 : tags[end]);
    }
}
