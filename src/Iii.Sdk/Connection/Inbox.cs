using Iii.Protocol;
using Iii.Sdk.Calls;
using Iii.Sdk.Functions;
using Iii.Sdk.Transport;
using Iii.Sdk.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Connection;

/// <summary>Takes what the engine sends, on the receive loop, and passes it to where it is dealt with.</summary>
internal sealed class Inbox(
    EngineConnection connection, CallTable calls, FunctionTable functions, InboundCalls inbound, TriggerTypeTable triggerTypes, ILogger logger)
    : IMessageReceiver
{
    public void Receive(ReadOnlySpan<byte> message, WorkBatch work)
    {
        try
        {
            if (Envelope.TryRead(message, out var envelope, out var problem))
            {
                Receive(envelope, work);
            }
            else
            {
                logger.MalformedMessage(problem!);
            }
        }
        catch (Exception e)
        {
            logger.MessageFailed(e);
        }
    }

    private void Receive(in Envelope envelope, WorkBatch work)
    {
        switch (envelope.Type)
        {
            case MessageType.InvocationResult:
                End(envelope, work);
                break;
            case MessageType.InvokeFunction:
                functions.Call(envelope, inbound, work);
                break;
            case MessageType.WorkerRegistered:
                connection.Registered(envelope.WorkerId.GetString() ?? string.Empty, envelope.ReattachToken.GetString());
                break;
            case MessageType.RegisterTrigger:
                triggerTypes.Register(envelope);
                break;
            case MessageType.UnregisterTrigger:
                triggerTypes.Unregister(envelope);
                break;
            case MessageType.TriggerRegistrationResult when envelope.Error.HasValue:
                var (code, text) = ErrorBody.Read(envelope.Error.Raw);
                logger.TriggerRefused(
                    envelope.Id.GetString() ?? "?", envelope.TriggerType.GetString(), envelope.FunctionId.GetString(), text, code);
                break;
            default:
                // Later engines may say more.
                break;
        }
    }

    private void End(in Envelope envelope, WorkBatch work)
    {
        if (calls.Take(envelope.InvocationId) is not { } call)
        {
            // Given up before.
            return;
        }

        if (envelope.Error.HasValue)
        {
            call.FailRemotely(envelope.Error.Raw, work);
        }
        else
        {
            call.Succeed(envelope.Result.Raw, work);
        }
    }
}
