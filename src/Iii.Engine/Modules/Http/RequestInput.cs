using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>What a function is called with for one request, in one pooled buffer: the input, then the trace headers.</summary>
/// <param name="frame">The buffer.</param>
/// <param name="dataLength">Size of the input.</param>
/// <param name="channelsStart">Where in the input the refs of the request's channels stand.</param>
/// <param name="channelsLength">Size of these; 0 when there are none.</param>
/// <param name="traceParentLength">Size of the trace context.</param>
internal readonly struct RequestInput(Frame frame, int dataLength, int channelsStart, int channelsLength, int traceParentLength)
{
    /// <summary>The input: one JSON value.</summary>
    public ReadOnlySpan<byte> Data => frame.Span[..dataLength];

    /// <summary>The trace context as JSON string, or empty.</summary>
    public ReadOnlySpan<byte> TraceParent => frame.Span.Slice(dataLength, traceParentLength);

    /// <summary>The baggage as JSON string, or empty.</summary>
    public ReadOnlySpan<byte> Baggage => frame.Span[(dataLength + traceParentLength)..];

    /// <summary>The call of a function with this input.</summary>
    public Invocation CallOf(string functionId, TimeSpan timeout) =>
        new() { FunctionId = functionId, Data = Data, TraceParent = TraceParent, Baggage = Baggage, Timeout = timeout };

    /// <summary>
    /// The input for a condition, which decides about a request and has no business with its streams. The caller returns it.
    /// </summary>
    public Frame WithoutChannels()
    {
        var bare = new FrameBuilder(dataLength);
        bare.Append(Data[..channelsStart]);
        bare.Append(Data[(channelsStart + channelsLength)..]);
        return bare.Build();
    }

    /// <summary>Gives the buffer back. The input must not be used after that.</summary>
    public void Return() => frame.Return();
}
