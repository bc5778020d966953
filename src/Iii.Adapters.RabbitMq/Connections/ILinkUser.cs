using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>What lives on a link and has to be built up again when the link comes back.</summary>
internal interface ILinkUser
{
    /// <summary>Builds up channels, queues, consumers on a fresh session. When it throws, the session is given up and another one opened.</summary>
    Task RestoreAsync(LinkSession session, CancellationToken cancellationToken);

    /// <summary>The session is gone, and all that was on it. May be called without a restore before.</summary>
    void OnLost(BrokerException why);
}
