using System.Text.Unicode;
using Iii.Engine.Cluster;
using Iii.Engine.Configuration;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Telemetry;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Gateways;

/// <summary>What each message of one worker does. Called by its receive loop, one message at a time, in order of arrival.</summary>
/// <remarks>A message that cannot be understood is logged and dropped; the connection stays open (protocol §2.14).</remarks>
internal sealed class WorkerMessages(
    WorkerConnection connection,
    WorkerDirectory workers,
    FunctionDirectory functions,
    TriggerDirectory triggers,
    FunctionInvoker invoker,
    HttpFunctionsModule httpFunctions,
    QueueModule? queues,
    TelemetryIntake telemetry,
    ClusterNode cluster,
    WorkerGatewayOptions options,
    ILogger logger)
{
    /// <summary>The longest function id that is looked up without making a string of it, in characters.</summary>
    private const int StackIdLength = 256;

    /// <summary>How many malformed messages of one connection are logged.</summary>
    private const int LoggedMalformedMessages = 20;

    private static readonly string TooLarge =
        $"its description, formats, config and metadata have more than {WireLimits.MaxRegistrationBytes} bytes together";

    private int _malformed;

    /// <summary>Carries a message out. Never throws.</summary>
    public void Handle(ReadOnlyMemory<byte> message, bool isBinary)
    {
        try
        {
            if (isBinary && TelemetryFrame.TryRead(message.Span, out var kind))
            {
                // Never answered, and never a sign of a worker: SDKs up to 0.9 send these on a socket of their own to "/".
                if (telemetry.Ingest(kind, message[TelemetryFrame.PrefixLength..]) is { } defect)
                {
                    Malformed(defect);
                }

                return;
            }

            if (connection.IsTelemetryOnly)
            {
                return;
            }

            var text = message.Span;
            if (text.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            {
                return;
            }

            // The framework has checked text messages; what comes in a binary one goes out in text, so it must be text too.
            if (isBinary && !Utf8.IsValid(text))
            {
                Malformed("a binary message is neither telemetry nor UTF-8");
                return;
            }

            if (Envelope.TryRead(text, out var envelope, out var problem))
            {
                Handle(envelope);
            }
            else
            {
                Malformed(envelope, problem!);
            }
        }
        catch (Exception e)
        {
            logger.MessageFailed(connection.WorkerId, e);
        }
    }

    /// <summary>Says goodbye to a worker that sent more than a message may hold.</summary>
    public void TooBig(int length)
    {
        logger.MessageTooBig(connection.WorkerId, length, options.MaxMessageBytes);
        connection.Close(
            CloseCodes.MessageTooBig, $"a message may have at most {options.MaxMessageBytes} bytes");
    }

    private void Handle(in Envelope envelope)
    {
        if (envelope.Type == MessageType.Reattach)
        {
            Reattach(envelope);
            return;
        }

        if (envelope.Type != MessageType.Unknown && connection.BecomeWorker())
        {
            workers.Joined(connection);
        }

        switch (envelope.Type)
        {
            case MessageType.InvocationResult:
                InvocationResult(envelope);
                break;
            case MessageType.InvokeFunction:
                InvokeFunction(envelope);
                break;
            case MessageType.RegisterFunction:
            case MessageType.UnregisterFunction:
            case MessageType.RegisterTrigger:
            case MessageType.UnregisterTrigger:
            case MessageType.RegisterTriggerType:
            case MessageType.UnregisterTriggerType:
            case MessageType.TriggerRegistrationResult:
                Register(envelope);
                break;
            case MessageType.Ping:
                connection.Send(Frames.Pong());
                break;
            case MessageType.RegisterService:
            case MessageType.WorkerRegistered:
            case MessageType.Pong:
                // Bookkeeping that nothing reads (protocol §7.1), and messages that are the engine's to send.
                break;
            case MessageType.Unknown:
            case MessageType.Reattach:
            default:
                logger.UnknownMessage(connection.WorkerId);
                break;
        }
    }

    private void InvokeFunction(in Envelope envelope)
    {
        var isVoid = !envelope.InvocationId.HasValue;
        if (!isVoid && !envelope.InvocationId.IsString)
        {
            Malformed("invokefunction has an invocation_id that is not a string");
            return;
        }

        Span<char> characters = stackalloc char[StackIdLength];
        var length = envelope.FunctionId.GetString(characters);
        var functionId = length > 0 ? functions.Find(characters[..length])?.Id ?? new string(characters[..length]) : IdOf(envelope.FunctionId);
        if (functionId is null)
        {
            Malformed(envelope, "function_id is missing, empty, not a string, or longer than an id may be");
            return;
        }

        if (!isVoid && workers.IsDraining && connection.Pending.Count == 0)
        {
            // A worker that works on something may need this call to finish it; one that does not starts new work.
            Answer(envelope, InvocationOutcome.Failure(
                ErrorCodes.ShuttingDown, $"{functionId} was not called: the engine is shutting down; connect again and retry"));
            return;
        }

        var action = envelope.Action.Find("type"u8);
        if (action.IsString && action.Raw.SequenceEqual("\"enqueue\""u8))
        {
            Enqueue(envelope, functionId);
            return;
        }

        var invocation = new Invocation
        {
            FunctionId = functionId,
            Data = envelope.Data.Raw,
            Metadata = envelope.Metadata.HasValue ? envelope.Metadata.Raw : default,
            TraceParent = TraceHeader(envelope.TraceParent).Raw,
            Baggage = TraceHeader(envelope.Baggage).Raw,
            Caller = connection.Identity,
        };

        if (isVoid || (action.IsString && action.Raw.SequenceEqual("\"void\""u8)))
        {
            invoker.Post(invocation);
        }
        else
        {
            invoker.Invoke(invocation, Rent(envelope, functionId));
        }
    }

    private void Enqueue(in Envelope envelope, string functionId)
    {
        var pending = envelope.InvocationId.IsString ? Rent(envelope, functionId) : null;
        if (queues is null)
        {
            pending?.Complete(InvocationOutcome.Failure(
                ErrorCodes.EnqueueError,
                $"{functionId} was not enqueued: this engine has no queues of its own; list modules::queue::QueueModule in the configuration, with an adapter other than bridge"));
            return;
        }

        queues.Enqueue(
            envelope.Action.Find("queue"u8),
            functionId,
            envelope.Data.Raw.ToArray(),
            TraceHeader(envelope.TraceParent),
            TraceHeader(envelope.Baggage),
            pending);
    }

    private void InvocationResult(in Envelope envelope)
    {
        // A result for an id that is not pending here is late, or of an earlier connection; some SDKs leave the id out.
        // The outcome is made before the call is taken out: from then on nothing may come between it and its end.
        var outcome = envelope.Error.HasValue
            ? InvocationOutcome.Failure(ErrorBody.Complete(envelope.Error.Raw) ?? envelope.Error.Raw)
            : InvocationOutcome.Success(envelope.Result.Raw);
        if (envelope.InvocationId.TryGetGuid(out var id) && connection.Pending.Take(id) is { } pending)
        {
            pending.Complete(outcome);
        }
        else
        {
            logger.LateResult(connection.WorkerId);
        }
    }

    private void Register(in Envelope envelope)
    {
        // A connection that has been retired leaves nothing behind, whatever it still had on the way.
        lock (connection.Registering)
        {
            if (connection.IsRemoved)
            {
                return;
            }

            switch (envelope.Type)
            {
                case MessageType.RegisterFunction:
                    RegisterFunction(envelope);
                    break;
                case MessageType.UnregisterFunction:
                    UnregisterFunction(envelope);
                    break;
                case MessageType.RegisterTrigger:
                    RegisterTrigger(envelope);
                    break;
                case MessageType.UnregisterTrigger:
                    UnregisterTrigger(envelope);
                    break;
                case MessageType.RegisterTriggerType:
                    RegisterTriggerType(envelope);
                    break;
                case MessageType.UnregisterTriggerType:
                    UnregisterTriggerType(envelope);
                    break;
                case MessageType.TriggerRegistrationResult:
                    TriggerRegistrationResult(envelope);
                    break;
                default:
                    throw new InvalidOperationException($"{envelope.Type} registers nothing");
            }
        }
    }

    private void RegisterFunction(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is not { } id)
        {
            Malformed(envelope, "registerfunction needs a string id that is not empty");
            return;
        }

        if (envelope.Description.Raw.Length + envelope.RequestFormat.Raw.Length + envelope.ResponseFormat.Raw.Length
            + envelope.Metadata.Raw.Length + envelope.Invocation.Raw.Length > WireLimits.MaxRegistrationBytes)
        {
            logger.FunctionRefused(connection.WorkerId, DisplayText.Clip(id), TooLarge);
            return;
        }

        if (connection.Functions.Count >= options.MaxRegistrations && !connection.Functions.Contains(id))
        {
            logger.FunctionRefused(connection.WorkerId, DisplayText.Clip(id), $"a worker may register at most {options.MaxRegistrations} functions");
            return;
        }

        FunctionProvider provider = envelope.Invocation.HasValue
            ? httpFunctions.Provide(id, envelope.Invocation.Raw, new HttpFunctionOwner(connection.Pending, connection.Lost))
            : connection;
        var details = new FunctionDetails(
            envelope.Description.GetString(),
            Payload(envelope.RequestFormat),
            Payload(envelope.ResponseFormat),
            Payload(envelope.Metadata),
            (provider as RefusedFunction)?.ErrorJson);
        if (functions.Register(new FunctionRegistration(id, provider, connection, details)))
        {
            connection.Functions.Add(id);
        }
        else
        {
            logger.FunctionRefused(connection.WorkerId, DisplayText.Clip(id), "the engine has a function of that id");
        }
    }

    private void UnregisterFunction(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is { } id && connection.Functions.Remove(id))
        {
            functions.Unregister(id, connection);
        }
    }

    private void RegisterTrigger(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is not { } id || IdOf(envelope.TriggerType) is not { } type || IdOf(envelope.FunctionId) is not { } functionId)
        {
            Malformed(envelope, "registertrigger needs strings id, trigger_type and function_id that are not empty");
            return;
        }

        var problem = envelope.Config.Raw.Length + envelope.Metadata.Raw.Length > WireLimits.MaxRegistrationBytes
            ? TooLarge
            : triggers.Register(
                id,
                type,
                functionId,
                envelope.Config.HasValue ? envelope.Config.Raw.ToArray() : "{}"u8.ToArray(),
                Payload(envelope.Metadata),
                connection,
                options.MaxRegistrations);
        if (problem is not null)
        {
            logger.TriggerRefused(DisplayText.Clip(id), DisplayText.Clip(type), DisplayText.Clip(functionId), problem);
            connection.Send(Frames.TriggerRegistrationResult(
                id, type, functionId, ErrorBody.Write(ErrorCodes.TriggerRegistrationFailed, problem)));
        }
    }

    private void UnregisterTrigger(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is { } id)
        {
            triggers.Unregister(id, connection);
        }
    }

    private void RegisterTriggerType(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is not { } id)
        {
            Malformed(envelope, "registertriggertype needs a string id that is not empty");
        }
        else if (envelope.Description.Raw.Length + envelope.TriggerRequestFormat.Raw.Length + envelope.CallRequestFormat.Raw.Length
            > WireLimits.MaxRegistrationBytes)
        {
            logger.TriggerTypeRefused(connection.WorkerId, DisplayText.Clip(id), TooLarge);
        }
        else if (triggers.RegisterType(id, DetailsOfType(envelope), connection, options.MaxRegistrations) is { } problem)
        {
            logger.TriggerTypeRefused(connection.WorkerId, DisplayText.Clip(id), problem);
        }
    }

    private void UnregisterTriggerType(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is { } id)
        {
            triggers.UnregisterType(id, connection);
        }
    }

    private void TriggerRegistrationResult(in Envelope envelope)
    {
        if (IdOf(envelope.Id) is not { } id)
        {
            return;
        }

        ReadOnlySpan<byte> error = default;
        if (envelope.Error.HasValue)
        {
            var completed = ErrorBody.Complete(envelope.Error.Raw);
            error = completed ?? envelope.Error.Raw;
        }

        triggers.Report(id, connection, error);
    }

    private void Reattach(in Envelope envelope)
    {
        if (envelope.PreviousWorkerId.GetString() is { } previousId && envelope.ReattachToken.GetString() is { } token)
        {
            if (!workers.Retire(previousId, token))
            {
                cluster.Retire(previousId, token);
            }
        }
    }

    /// <summary>Ends the call that a message without sense was about, when its id can be read, instead of leaving it to its deadline.</summary>
    private void Malformed(in Envelope envelope, string problem)
    {
        Malformed(problem);
        if (envelope.Type is not (MessageType.Unknown or MessageType.InvokeFunction or MessageType.InvocationResult))
        {
            return;
        }

        // Some SDKs write the type last, behind the defect; then what the id stands for tells which of the two it was.
        if (envelope.Type != MessageType.InvokeFunction
            && envelope.InvocationId.TryGetGuid(out var id) && connection.Pending.Take(id) is { } pending)
        {
            pending.Complete(InvocationOutcome.Failure(
                ErrorCodes.MalformedMessage, $"The answer of the function could not be understood: {problem}"));
        }
        else if (envelope.Type == MessageType.InvokeFunction || (envelope.Type == MessageType.Unknown && envelope.FunctionId.IsString))
        {
            Answer(envelope, InvocationOutcome.Failure(ErrorCodes.MalformedMessage, $"The call could not be understood: {problem}"));
        }
    }

    /// <summary>Says what is wrong, so often and no more: a worker that sends nothing but garbage must not fill the log.</summary>
    private void Malformed(string problem)
    {
        _malformed++;
        if (_malformed <= LoggedMalformedMessages)
        {
            logger.MalformedMessage(connection.WorkerId, problem);
        }

        if (_malformed == LoggedMalformedMessages)
        {
            logger.MalformedMessagesMuted(connection.WorkerId);
        }
    }

    private void Answer(in Envelope envelope, in InvocationOutcome outcome)
    {
        if (envelope.InvocationId.IsString)
        {
            Rent(envelope, envelope.FunctionId.GetString() ?? string.Empty).Complete(outcome);
        }
    }

    private WorkerInvocation Rent(in Envelope envelope, string functionId) => WorkerInvocation.Rent(
        connection, functionId, envelope.InvocationId, TraceHeader(envelope.TraceParent), TraceHeader(envelope.Baggage));

    /// <summary>A trace header is passed on when it is text of a length that HTTP would carry as well.</summary>
    private static JsonSlice TraceHeader(JsonSlice value) => value.IsString && value.Raw.Length <= WireLimits.MaxTraceHeaderBytes ? value : default;

    private static TriggerTypeDetails DetailsOfType(in Envelope envelope) => new(
        envelope.Description.GetString() ?? string.Empty, Payload(envelope.TriggerRequestFormat), Payload(envelope.CallRequestFormat));

    private static byte[]? Payload(JsonSlice value) => value.HasValue ? value.Raw.ToArray() : null;

    private static string? IdOf(JsonSlice value) =>
        value.Raw.Length <= WireLimits.MaxIdBytes && value.GetString() is { Length: > 0 } id ? id : null;
}
