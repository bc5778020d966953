using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Publishing;

/// <summary>
/// Publishes what a source holds on one channel, in the source's order, with many messages under way whose confirms are awaited.
/// </summary>
/// <param name="source">Where messages wait.</param>
/// <param name="maxInFlight">Most messages that are sent and not confirmed; beyond it they wait in the source.</param>
/// <param name="confirmTimeout">After it the session counts as dead.</param>
/// <param name="prepare">Declares what is published to; run on every new channel.</param>
internal sealed class ConfirmedPublisher(
    IPublicationSource source, int maxInFlight, TimeSpan confirmTimeout, Func<IChannel, CancellationToken, Task> prepare) : ILinkUser
{
    private static readonly CreateChannelOptions Confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false);

    private volatile PublishingSession? _session;

    /// <summary>Something waits in the source.</summary>
    public void Wake() => _session?.Wake();

    public async Task RestoreAsync(LinkSession session, CancellationToken cancellationToken)
    {
        var channel = await session.OpenChannelAsync(Confirmed, cancellationToken).ConfigureAwait(false);
        await prepare(channel, cancellationToken).ConfigureAwait(false);
        var publishing = new PublishingSession(session, channel, source, maxInFlight, confirmTimeout);
        _session = publishing;
        publishing.Begin();
    }

    public void OnLost(BrokerException why)
    {
        // First: afterwards it does not open the source any more.
        _session?.End(why);
        _session = null;
        source.Close(why);
    }

    /// <summary>Closes the channel. What is under way fails.</summary>
    public async Task CloseAsync()
    {
        if (_session is { } session)
        {
            OnLost(LinkErrors.Unavailable("The adapter was disposed."));
            await session.CloseAsync().ConfigureAwait(false);
        }
    }
}
