using System.Text.Json;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Bridge;

/// <summary>Brings functions of two engines together: offers some of each to the other (protocol §8.2).</summary>
internal sealed class BridgeModule : IAsyncDisposable
{
    public const string BridgeErrorCode = "bridge_error";

    private const int DefaultTimeoutMs = 30_000;

    private readonly BridgeClient _client;

    public BridgeModule(
        BridgeOptions options,
        WorkerGatewayOptions limits,
        EngineFunctions functions,
        FunctionInvoker invoker,
        TimeProvider time,
        ILogger<BridgeModule> logger)
    {
        var exposure = new BridgeExposure(options, invoker);
        _client = new BridgeClient(options.Target, limits, exposure.Introduce, exposure.Handle, time, logger);
        functions.Add("bridge.invoke", "Calls a function of the other engine", InvokeAsync);
        functions.Add("bridge.invoke_async", "Calls a function of the other engine without waiting for its result", Post);
        foreach (var forward in options.Forward)
        {
            var timeout = TimeSpan.FromMilliseconds(forward.TimeoutMs);
            functions.Add(
                forward.LocalFunction,
                $"Forward to remote function {forward.RemoteFunction}",
                (call, _) => CallAsync(forward.RemoteFunction, call.Data, timeout));
        }
    }

    /// <summary>Begins to connect.</summary>
    public void Start() => _client.Start();

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private ValueTask<ReadOnlyMemory<byte>> InvokeAsync(EngineCall call, CancellationToken cancellation)
    {
        var functionId = FunctionId(call);
        var input = new JsonSlice(call.Data.Span);
        return CallAsync(functionId, input.Find("data"u8).Raw.ToArray(), Timeout(input.Find("timeout_ms"u8)));
    }

    private ValueTask<ReadOnlyMemory<byte>> Post(EngineCall call, CancellationToken cancellation)
    {
        var functionId = FunctionId(call);
        return _client.Post(functionId, new JsonSlice(call.Data.Span).Find("data"u8).Raw)
            ? default
            : throw new EngineFunctionException(BridgeErrorCode, BridgeReply.NotConnected);
    }

    private async ValueTask<ReadOnlyMemory<byte>> CallAsync(string functionId, ReadOnlyMemory<byte> data, TimeSpan timeout)
    {
        var reply = await _client.CallAsync(functionId, data, timeout);
        return reply.Error is { } error ? throw new EngineFunctionException(BridgeErrorCode, error) : reply.Value;
    }

    private static string FunctionId(EngineCall call)
    {
        var input = new JsonSlice(call.Data.Span);
        var functionId = input.Find("function_id"u8);
        return !input.IsObject ? throw Unreadable("a JSON object was expected")
            : !functionId.IsPresent ? throw Unreadable("function_id is missing")
            : functionId.GetString() is { Length: > 0 } id ? id
            : throw Unreadable("function_id must be a string that is not empty");
    }

    private static TimeSpan Timeout(JsonSlice value)
    {
        if (!value.HasValue)
        {
            return TimeSpan.FromMilliseconds(DefaultTimeoutMs);
        }

        var reader = new Utf8JsonReader(value.Raw);
        return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetUInt32(out var milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue))
            : throw Unreadable("timeout_ms must be a whole number of milliseconds");
    }

    private static EngineFunctionException Unreadable(string detail) =>
        new(ErrorCodes.DeserializationError, $"Failed to parse invoke input: {detail}");
}
