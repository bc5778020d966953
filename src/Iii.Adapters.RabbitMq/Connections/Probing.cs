using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>Questions that the broker answers by closing the channel when the answer is no.</summary>
internal static class Probing
{
    /// <summary>What is ready in a queue, and its consumers; null when there is no such queue, and then the channel is of no use any more.</summary>
    public static async Task<QueueDeclareOk?> CountAsync(IChannel probe, string queue, CancellationToken cancellationToken)
    {
        try
        {
            return await probe.QueueDeclarePassiveAsync(queue, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return null;
        }
    }

    /// <inheritdoc cref="CountAsync(IChannel, string, CancellationToken)"/>
    public static async Task<QueueDeclareOk?> CountAsync(LinkSession session, string queue, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        return await CountAsync(probe, queue, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether there is an exchange.</summary>
    public static async Task<bool> HasExchangeAsync(LinkSession session, string exchange, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await probe.ExchangeDeclarePassiveAsync(exchange, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            return false;
        }
    }

    /// <summary>Declares a quorum queue. One that is there with other arguments, from another version or configuration, is taken as it is: false.</summary>
    public static async Task<bool> DeclareQuorumAsync(
        LinkSession session, string queue, IDictionary<string, object?> arguments, CancellationToken cancellationToken)
    {
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var all = new Dictionary<string, object?>(arguments) { ["x-queue-type"] = "quorum" };
            await probe.QueueDeclareAsync(
                queue, durable: true, exclusive: false, autoDelete: false, all, cancellationToken: cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == Constants.PreconditionFailed)
        {
            if (await CountAsync(session, queue, cancellationToken).ConfigureAwait(false) is null)
            {
                throw;
            }

            return false;
        }
    }
}
