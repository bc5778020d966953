using Iii.Adapters.MassTransit.Jobs;
using Iii.Broker;
using MassTransit;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>Sends jobs over a bus, and says in the words of the seam why one could not be sent.</summary>
internal sealed class JobSender(IBus bus, TimeSpan patience)
{
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
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(patience);
        try
        {
            var endpoint = await bus.GetSendEndpoint(new Uri(address)).WaitAsync(timeout.Token).ConfigureAwait(false);
            var sending = endpoint.Send(
                new RawMessage(job.Payload),
                context =>
                {
                    context.Serializer = RawMessage.Serializer.Instance;
                    context.MessageId = Guid.TryParse(job.MessageId, out var id) ? id : null;
                    JobHeaders.Write(job, context.Headers);
                    configure(context);
                },
                timeout.Token);
            await sending.WaitAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw IsRefusal(exception)
                ? new BrokerException(
                    BrokerErrorCodes.LimitExceeded, $"The broker refuses messages for '{address}': a queue behind it is full.", exception)
                : new BrokerException(
                    BrokerErrorCodes.BrokerUnavailable, $"The message for '{address}' could not be sent: {exception.Message}", exception);
        }
    }

    private static bool IsRefusal(Exception exception) =>
        exception is MessageNotAcknowledgedException or PublishException { IsReturn: false }
        || (exception.InnerException is { } inner && IsRefusal(inner));
}
