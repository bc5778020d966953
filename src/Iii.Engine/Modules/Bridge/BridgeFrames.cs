using Iii.Protocol;

namespace Iii.Engine.Modules.Bridge;

/// <summary>The frames that only a worker sends; calls and answers are the same in both directions.</summary>
internal static class BridgeFrames
{
    private const int EnvelopeSize = 192;

    public static Frame RegisterFunction(string id)
    {
        var frame = new FrameBuilder(EnvelopeSize);
        frame.Append("""{"type":"registerfunction","id":"""u8);
        frame.AppendText(id);
        frame.Append("}"u8);
        return frame.Build();
    }

    public static Frame UnregisterFunction(string id)
    {
        var frame = new FrameBuilder(EnvelopeSize);
        frame.Append("""{"type":"unregisterfunction","id":"""u8);
        frame.AppendText(id);
        frame.Append("}"u8);
        return frame.Build();
    }

    public static Frame RegisterService(string id, string name)
    {
        var frame = new FrameBuilder(EnvelopeSize);
        frame.Append("""{"type":"registerservice","id":"""u8);
        frame.AppendText(id);
        frame.Append(",\"name\":"u8);
        frame.AppendText(name);
        frame.Append("}"u8);
        return frame.Build();
    }

    /// <summary>Says who the bridge is, for the other engine's list of workers. No answer is wanted.</summary>
    public static Frame Introduce(string name)
    {
        var data = new FrameBuilder(EnvelopeSize);
        data.Append("""{"runtime":"dotnet","name":"""u8);
        data.AppendText(name);
        data.Append("}"u8);
        var input = data.Build();
        var frame = Call(null, "engine::workers::register", input.Span);
        input.Return();
        return frame;
    }

    /// <summary>A call of a function of the other engine.</summary>
    /// <param name="invocationId">The id that the answer will have; null for a call without one.</param>
    /// <param name="functionId">The function.</param>
    /// <param name="dataJson">The input; empty is sent as <c>null</c>.</param>
    /// <param name="traceParentJson">The trace context, or empty.</param>
    /// <param name="baggageJson">The baggage, or empty.</param>
    public static Frame Call(
        Guid? invocationId,
        string functionId,
        ReadOnlySpan<byte> dataJson,
        ReadOnlySpan<byte> traceParentJson = default,
        ReadOnlySpan<byte> baggageJson = default)
    {
        var frame = new FrameBuilder(EnvelopeSize + dataJson.Length + traceParentJson.Length + baggageJson.Length);
        frame.Append("""{"type":"invokefunction","""u8);
        if (invocationId is { } id)
        {
            frame.Append("\"invocation_id\":"u8);
            frame.AppendUuid(id);
            frame.Append(","u8);
        }

        frame.Append("\"function_id\":"u8);
        frame.AppendText(functionId);
        frame.Append(",\"data\":"u8);
        CallInput.AppendTo(ref frame, dataJson, default);
        Member(ref frame, ",\"traceparent\":"u8, traceParentJson);
        Member(ref frame, ",\"baggage\":"u8, baggageJson);
        frame.Append("}"u8);
        return frame.Build();
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
