using Iii.Adapters.RabbitMq.Publishing;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>The messages that wait to be published, in order; beyond a number of them callers wait.</summary>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class QueueOutbox(int maxMessages) : IPublicationSource
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _room = new(maxMessages, maxMessages);
    private readonly Queue<QueuePublication> _waiting = new();
    private readonly Lock _lock = new();
    private BrokerException? _closedWhy;

    public bool HasNext => _waiting.Count > 0;

    /// <summary>Takes a message when there is room.</summary>
    /// <exception cref="BrokerException">The connection is down.</exception>
    public async ValueTask<QueuePublication> AddAsync(
        string exchange, string routingKey, ReadOnlyMemory<byte> body, BasicProperties properties, CancellationToken cancellationToken)
    {
        if (_closedWhy is { } closedWhy)
        {
            throw Again(closedWhy);
        }

        await _room.WaitAsync(cancellationToken).ConfigureAwait(false);
        BrokerException? why;
        lock (_lock)
        {
            why = _closedWhy;
            if (why is null)
            {
                var publication = new QueuePublication(this, exchange, routingKey, body, properties);
                _waiting.Enqueue(publication);
                return publication;
            }
        }

        _room.Release();
        throw Again(why);
    }

    public void Open()
    {
        lock (_lock)
        {
            _closedWhy = null;
        }
    }

    public void Close(BrokerException why)
    {
        List<QueuePublication> waiting;
        lock (_lock)
        {
            _closedWhy = why;
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        waiting.ForEach(publication => publication.Fail(why));
    }

    public Publication? TakeNext()
    {
        lock (_lock)
        {
            return _waiting.TryDequeue(out var next) ? next : null;
        }
    }

    /// <summary>The fate of one is known: there is room for another.</summary>
    public void Forget() => _room.Release();

    private static BrokerException Again(BrokerException why) => new(why.Code, why.Message, why);
}
