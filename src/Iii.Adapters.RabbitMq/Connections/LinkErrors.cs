using System.Net.Sockets;
using System.Threading.Channels;
using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>Turns what the client library throws into the contract's exception.</summary>
internal static class LinkErrors
{
    /// <summary>Whether an exception says that the broker cannot be reached or does not answer.</summary>
    public static bool IsFailure(Exception exception) =>
        exception is RabbitMQClientException or IOException or SocketException or TimeoutException or OperationCanceledException
            or ChannelClosedException or ObjectDisposedException;

    public static BrokerException Unavailable(string what, Exception? inner = null) =>
        inner as BrokerException
        ?? new BrokerException(BrokerErrorCodes.BrokerUnavailable, inner is null ? what : $"{what}: {Explain(inner).TrimEnd('.')}.", inner);

    public static string Describe(ShutdownEventArgs reason) =>
        reason.Exception is { } exception ? Explain(exception) : $"{reason.ReplyCode} {reason.ReplyText}".Trim();

    /// <summary>The innermost reason, in words that help.</summary>
    private static string Explain(Exception exception) => exception switch
    {
        BrokerUnreachableException { InnerException: { } inner } => Explain(inner),
        AggregateException { InnerException: { } inner } => Explain(inner),
        PossibleAuthenticationFailureException => "it refused user and password",
        OperationInterruptedException { ShutdownReason: { ReplyCode: Constants.NotAllowed } reason } =>
            $"it refused the virtual host ({reason.ReplyText})",
        OperationInterruptedException { ShutdownReason: { } reason } => Describe(reason),
        AlreadyClosedException => "the connection is closed",
        OperationCanceledException or TimeoutException => "it did not answer in time",
        { InnerException: { } inner } => $"{exception.Message} ({inner.Message})",
        _ => exception.Message,
    };
}
