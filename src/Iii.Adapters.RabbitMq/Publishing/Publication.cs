using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.RabbitMq.Publishing;

/// <summary>One AMQP message on its way to the broker, and what is to happen when its fate is known.</summary>
internal abstract class Publication
{
    public abstract string Exchange { get; }

    public abstract string RoutingKey { get; }

    public abstract BasicProperties Properties { get; }

    public abstract ReadOnlyMemory<byte> Body { get; }

    /// <summary>When it was handed to the channel, in milliseconds of the system's monotonic clock.</summary>
    public long SentAt { get; set; }

    /// <summary>The broker had no queue for it and gave it back; its confirm follows.</summary>
    public bool IsReturned { get; set; }

    /// <summary>Whether a returned message is this one.</summary>
    public abstract bool Matches(BasicReturnEventArgs returned);

    /// <summary>The broker has confirmed it.</summary>
    public abstract void Confirm();

    /// <summary>The broker does not take it: a queue is full, or broken.</summary>
    public abstract void Refuse();

    /// <summary>Its fate is unknown. May come before a late confirm; the first counts.</summary>
    public abstract void Fail(BrokerException why);
}
