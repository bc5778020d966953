using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Publishing;

/// <summary>Holds what is to be published until the publisher can take it.</summary>
internal interface IPublicationSource
{
    /// <summary>The publisher works: take what comes.</summary>
    void Open();

    /// <summary>The publisher does not work: fail what waits, and what comes at once.</summary>
    void Close(BrokerException why);

    /// <summary>Whether one may be there to take; a glance without a lock.</summary>
    bool HasNext { get; }

    /// <summary>The next one; null when none may be sent now.</summary>
    Publication? TakeNext();
}
