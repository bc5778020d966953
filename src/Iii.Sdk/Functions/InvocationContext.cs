using System.Text.Json;
using Iii.Sdk.Functions;

namespace Iii.Sdk;

/// <summary>What a handler can know about the call that it answers.</summary>
public sealed class InvocationContext
{
    private readonly InboundCall _call;

    internal InvocationContext(InboundCall call) => _call = call;

    /// <summary>The worker that runs the handler; make further calls with it.</summary>
    public IiiWorker Worker => _call.Worker;

    /// <summary>The function that was called.</summary>
    public string FunctionId => _call.Function.Id;

    /// <summary>The engine's id of this call.</summary>
    public string? InvocationId => _call.InvocationId;

    /// <summary>The id of the worker that called; null when the engine did (HTTP, queue, cron) or the input is no object.</summary>
    public string? CallerWorkerId => _call.CallerWorkerId;

    /// <summary>The metadata of the call (<see cref="InvokeOptions.Metadata"/>), as JSON; null when there is none.</summary>
    public string? Metadata => _call.Metadata;

    /// <summary>The caller's W3C trace context; null when there is none. It is the parent of the current activity.</summary>
    public string? TraceParent => _call.TraceParent;

    /// <summary>The caller's W3C baggage; null when there is none.</summary>
    public string? Baggage => _call.Baggage;

    /// <summary>The metadata of the call, parsed; null when there is none.</summary>
    public JsonElement? GetMetadata()
    {
        if (Metadata is not { } metadata)
        {
            return null;
        }

        using var document = JsonDocument.Parse(metadata);
        return document.RootElement.Clone();
    }
}
