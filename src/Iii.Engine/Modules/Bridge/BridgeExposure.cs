using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Modules.Bridge;

/// <summary>The functions of this engine that the other one can call.</summary>
internal sealed class BridgeExposure(BridgeOptions options, FunctionInvoker invoker)
{
    private const string DefaultName = "bridge";

    private readonly Dictionary<string, string> _exposed = options.Expose
        .GroupBy(static expose => expose.RemoteFunction ?? expose.LocalFunction, StringComparer.Ordinal)
        .ToDictionary(static group => group.Key, static group => group.Last().LocalFunction, StringComparer.Ordinal);

    /// <summary>Offers the functions to the other engine.</summary>
    public void Introduce(BridgeLink link)
    {
        link.Send(BridgeFrames.Introduce(options.ServiceName ?? options.ServiceId ?? DefaultName));
        if (options.ServiceId is { } serviceId)
        {
            link.Send(BridgeFrames.RegisterService(serviceId, options.ServiceName ?? serviceId));
        }

        foreach (var remoteFunction in _exposed.Keys)
        {
            link.Send(BridgeFrames.RegisterFunction(remoteFunction));
        }
    }

    /// <summary>Carries out a call of the other engine.</summary>
    public void Handle(BridgeLink link, in Envelope message)
    {
        if (message.Type != MessageType.InvokeFunction || message.FunctionId.GetString() is not { } remoteFunction)
        {
            return;
        }

        if (!_exposed.TryGetValue(remoteFunction, out var localFunction))
        {
            Answer(link, message.InvocationId.Raw, message.FunctionId.Raw, default, ErrorBody.Write(ErrorCodes.FunctionNotFound, "Function not found"));
            return;
        }

        var invocation = new Invocation
        {
            FunctionId = localFunction,
            Data = message.Data.Raw,
            Metadata = message.Metadata.HasValue ? message.Metadata.Raw : default,
            TraceParent = message.TraceParent.IsString ? message.TraceParent.Raw : default,
            Baggage = message.Baggage.IsString ? message.Baggage.Raw : default,
        };
        _ = AnswerAsync(link, message.InvocationId.Raw.ToArray(), message.FunctionId.Raw.ToArray(), invoker.InvokeAsync(invocation));
    }

    private static async Task AnswerAsync(BridgeLink link, byte[] invocationId, byte[] functionId, ValueTask<InvocationResult> call)
    {
        using var result = await call;
        if (result.IsError)
        {
            Answer(link, invocationId, functionId, default, ErrorBody.Write(ErrorCodes.InvocationFailed, BridgeReply.RemoteError(result.ReadError())));
        }
        else
        {
            Answer(link, invocationId, functionId, result.Value.IsEmpty ? "null"u8 : result.Value.Span, default);
        }
    }

    /// <summary>Answers a call of the other engine, if it wants an answer.</summary>
    public static void Answer(
        BridgeLink link, ReadOnlySpan<byte> invocationId, ReadOnlySpan<byte> functionId, ReadOnlySpan<byte> result, ReadOnlySpan<byte> error)
    {
        if (!invocationId.IsEmpty)
        {
            link.Send(Frames.InvocationResult(invocationId, functionId, result, error, default, default));
        }
    }
}
