namespace Iii.Protocol;

/// <summary>The frames that an engine sends. Every argument named <c>…Json</c> is spliced in as it is: it must be one JSON value.</summary>
public static class Frames
{
    private const int EnvelopeSize = 192;

    /// <summary>The hello of a connection (protocol §2.2).</summary>
    /// <param name="workerId">The id that the engine gave to the connection.</param>
    /// <param name="reattachToken">The secret with which a later connection can claim to continue this one; null to leave it out.</param>
    public static Frame WorkerRegistered(string workerId, string? reattachToken)
    {
        var frame = new FrameBuilder(EnvelopeSize);
        frame.Append("""{"type":"workerregistered","worker_id":"""u8);
        frame.AppendText(workerId);
        if (reattachToken is not null)
        {
            frame.Append(",\"reattach_token\":"u8);
            frame.AppendText(reattachToken);
        }

        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>A call to a worker (protocol §2.10).</summary>
    /// <param name="invocationId">The id of this dispatch; the worker answers with it.</param>
    /// <param name="functionIdJson">The function's id as JSON string.</param>
    /// <param name="dataJson">The input; empty is sent as <c>null</c>.</param>
    /// <param name="callerWorkerIdJson">
    /// The calling worker's id as JSON string, or empty; <see cref="CallInput"/> puts it into the input.
    /// </param>
    /// <param name="traceParentJson">The W3C trace context as JSON string, or empty.</param>
    /// <param name="baggageJson">The W3C baggage as JSON string, or empty.</param>
    /// <param name="metadataJson">The call's metadata, or empty.</param>
    public static Frame InvokeFunction(
        Guid invocationId,
        ReadOnlySpan<byte> functionIdJson,
        ReadOnlySpan<byte> dataJson,
        ReadOnlySpan<byte> callerWorkerIdJson,
        ReadOnlySpan<byte> traceParentJson,
        ReadOnlySpan<byte> baggageJson,
        ReadOnlySpan<byte> metadataJson)
    {
        var frame = new FrameBuilder(
            EnvelopeSize + functionIdJson.Length + dataJson.Length + callerWorkerIdJson.Length + traceParentJson.Length
            + baggageJson.Length + metadataJson.Length);
        frame.Append("""{"type":"invokefunction","invocation_id":"""u8);
        frame.AppendUuid(invocationId);
        frame.Append(",\"function_id\":"u8);
        frame.Append(functionIdJson);
        frame.Append(",\"data\":"u8);
        CallInput.AppendTo(ref frame, dataJson, callerWorkerIdJson);
        Member(ref frame, ",\"metadata\":"u8, metadataJson);
        Member(ref frame, ",\"traceparent\":"u8, traceParentJson);
        Member(ref frame, ",\"baggage\":"u8, baggageJson);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>The answer to a worker's call (protocol §2.11).</summary>
    /// <param name="invocationIdJson">The caller's own id, as JSON string.</param>
    /// <param name="functionIdJson">The function's id as JSON string.</param>
    /// <param name="resultJson">The result, or empty when there is none.</param>
    /// <param name="errorJson">An object with string members <c>code</c> and <c>message</c>, or empty; it goes before a result.</param>
    /// <param name="traceParentJson">The W3C trace context as JSON string, or empty.</param>
    /// <param name="baggageJson">The W3C baggage as JSON string, or empty.</param>
    public static Frame InvocationResult(
        ReadOnlySpan<byte> invocationIdJson,
        ReadOnlySpan<byte> functionIdJson,
        ReadOnlySpan<byte> resultJson,
        ReadOnlySpan<byte> errorJson,
        ReadOnlySpan<byte> traceParentJson,
        ReadOnlySpan<byte> baggageJson)
    {
        var frame = new FrameBuilder(
            EnvelopeSize + invocationIdJson.Length + functionIdJson.Length + resultJson.Length + errorJson.Length
            + traceParentJson.Length + baggageJson.Length);
        frame.Append("""{"type":"invocationresult","invocation_id":"""u8);
        frame.Append(invocationIdJson);
        frame.Append(",\"function_id\":"u8);
        frame.Append(functionIdJson);
        if (!errorJson.IsEmpty)
        {
            Member(ref frame, ",\"error\":"u8, errorJson);
        }
        else
        {
            Member(ref frame, ",\"result\":"u8, resultJson);
        }

        Member(ref frame, ",\"traceparent\":"u8, traceParentJson);
        Member(ref frame, ",\"baggage\":"u8, baggageJson);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>A trigger for the worker that provides its type (protocol §2.7).</summary>
    /// <param name="id">The trigger's id.</param>
    /// <param name="triggerType">The type's id.</param>
    /// <param name="functionId">The function to call when the trigger fires.</param>
    /// <param name="configJson">The trigger's config.</param>
    /// <param name="metadataJson">The trigger's metadata, or empty.</param>
    public static Frame RegisterTrigger(
        string id, string triggerType, string functionId, ReadOnlySpan<byte> configJson, ReadOnlySpan<byte> metadataJson)
    {
        var frame = new FrameBuilder(EnvelopeSize + configJson.Length + metadataJson.Length);
        frame.Append("""{"type":"registertrigger","id":"""u8);
        TriggerMembers(ref frame, id, triggerType, functionId);
        Member(ref frame, ",\"config\":"u8, configJson.IsEmpty ? "null"u8 : configJson);
        Member(ref frame, ",\"metadata\":"u8, metadataJson);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>The end of a trigger, for the worker that provides its type (protocol §2.8).</summary>
    /// <param name="id">The trigger's id.</param>
    /// <param name="triggerType">The type's id.</param>
    /// <param name="functionId">The function that the trigger called.</param>
    public static Frame UnregisterTrigger(string id, string triggerType, string functionId)
    {
        var frame = new FrameBuilder(EnvelopeSize);
        frame.Append("""{"type":"unregistertrigger","id":"""u8);
        TriggerMembers(ref frame, id, triggerType, functionId);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>What became of a trigger, for the worker that registered it (protocol §2.9).</summary>
    /// <param name="id">The trigger's id.</param>
    /// <param name="triggerType">The type's id.</param>
    /// <param name="functionId">The function of the trigger.</param>
    /// <param name="errorJson">An object with string members <c>code</c> and <c>message</c>, or empty for success.</param>
    public static Frame TriggerRegistrationResult(string id, string triggerType, string functionId, ReadOnlySpan<byte> errorJson)
    {
        var frame = new FrameBuilder(EnvelopeSize + errorJson.Length);
        frame.Append("""{"type":"triggerregistrationresult","id":"""u8);
        TriggerMembers(ref frame, id, triggerType, functionId);
        Member(ref frame, ",\"error\":"u8, errorJson);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>The answer to a JSON ping (protocol §2.13).</summary>
    public static Frame Pong()
    {
        var frame = new FrameBuilder(32);
        frame.Append("""{"type":"pong"}"""u8);
        return frame.Build();
    }

    private static void TriggerMembers(ref FrameBuilder frame, string id, string triggerType, string functionId)
    {
        frame.AppendText(id);
        frame.Append(",\"trigger_type\":"u8);
        frame.AppendText(triggerType);
        frame.Append(",\"function_id\":"u8);
        frame.AppendText(functionId);
    }

    private static void Member(ref FrameBuilder frame, ReadOnlySpan<byte> name, ReadOnlySpan<byte> json)
    {
        if (!json.IsEmpty)
        {
            frame.Append(name);
            frame.Append(json);
        }
    }
}
