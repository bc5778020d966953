using Iii.Adapters.MassTransit.Jobs;
using Iii.Broker;
using MassTransit;
using PublishException = RabbitMQ.Client.Exceptions.PublishException;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>Sends jobs over a bus, and says in the words of the seam why one could not be sent.</summary>
internal sealed class JobSender : ISendObserver
{
    private readonly IBus _bus;
    private readonly TimeSpan _patience;

    public JobSender(IBus bus, TimeSpan patience)
    {
        (_bus, _patience) = (bus, patience);
        bus.ConnectSendObserver(this);
    }

    /// <summary>Done when the broker has stored the job.</summary>
    /// <param name="address">Where to: <c>exchange:NAME</c>, or <c>queue:NAME</c> to make the queue as well.</param>
    /// <param name="job">The job; its payload does not change until the task is done, also when the waiting has ended before.</param>
    /// <param name="configure">What the transport adds to the message.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.LimitExceeded"/>: the broker refused it; <see cref="BrokerErrorCodes.BrokerUnavailable"/>.
    /// </exception>
    public async Task SendAsync(string address, Job job, Action<SendContext> configure, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(_patience);
        try
        {
            var endpoint = await _bus.GetSendEndpoint(new Uri(address)).WaitAsync(end.Token).ConfigureAwait(false);
            var message = new RawMessage(job.Payload);
            var sending = endpoint.Send(message, Configure, end.Token).WaitAsync(end.Token);
            await (await Task.WhenAny(sending, message.Refused).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // MassTransit tries for as long as it may.
            await end.CancelAsync().ConfigureAwait(false);
            throw exception is PublishException { IsReturn: false }
                ? new BrokerException(
                    BrokerErrorCodes.LimitExceeded, $"The broker refuses messages for '{address}': a queue behind it is full.", exception)
                : new BrokerException(
                    BrokerErrorCodes.BrokerUnavailable, $"The message for '{address}' could not be sent: {exception.Message}", exception);
        }

        void Configure(SendContext<RawMessage> context)
        {
            context.Serializer = RawMessage.Serializer.Instance;
            context.MessageId = Guid.TryParse(job.MessageId, out var id) ? id : null;
            JobHeaders.Write(job, context.Headers);
            configure(context);
        }
    }

    Task ISendObserver.PreSend<T>(SendContext<T> context) => Task.CompletedTask;

    Task ISendObserver.PostSend<T>(SendContext<T> context) => Task.CompletedTask;

    /// <summary>Called at each failed try, which MassTransit keeps to itself; a refusal, or a queue that is gone, is no matter of trying again.</summary>
    Task ISendObserver.SendFault<T>(SendContext<T> context, Exception exception)
    {
        if (context.Message is RawMessage message && exception.GetBaseException() is PublishException refusal)
        {
            message.Refuse(refusal);
        }

        return Task.CompletedTask;
    }
}
