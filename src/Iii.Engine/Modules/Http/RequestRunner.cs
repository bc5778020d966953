using System.Buffers;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Iii.Engine.Modules.Http;

/// <summary>Takes a request from its body over the condition to the call of its function. All of that shares the request's time.</summary>
/// <remarks>
/// The call is handed back rather than awaited: mostly all up to here is done without waiting, so that a request costs one
/// state machine, its handler's.
/// </remarks>
internal sealed class RequestRunner(
    FunctionInvoker invoker, RequestInputWriter inputs, int bodyLimit, TimeSpan defaultTimeout, TimeProvider time)
{
    private readonly RequestBody _bodies = new(bodyLimit, time);

    /// <summary>Runs a request up to its call. Expected failure is an outcome; an exception is the client's connection, or a defect.</summary>
    /// <param name="context">The request.</param>
    /// <param name="route">Its route.</param>
    /// <param name="target">Its target.</param>
    /// <param name="started">When its time began.</param>
    public async ValueTask<StartedRequest> StartAsync(HttpContext context, HttpRoute route, RequestTarget target, long started)
    {
        var timeout = route.Config.Timeout ?? defaultTimeout;
        if (!AdmitBody(context))
        {
            return new StartedRequest(RequestEnd.BodyTooLarge);
        }

        RequestInput input;
        if (HasJsonBody(context))
        {
            var (end, read) = await _bodies.ReadAsync(context.Request.BodyReader, timeout - time.GetElapsedTime(started));
            if (end != BodyEnd.Complete)
            {
                context.Request.BodyReader.AdvanceTo(read.Buffer.End);
                return new StartedRequest(end == BodyEnd.TooLarge ? RequestEnd.BodyTooLarge : RequestEnd.TimedOut);
            }

            input = WriteInput(context, route, target, read.Buffer);
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
        }
        else
        {
            input = inputs.Write(context, route, target, default);
        }

        try
        {
            // The door takes no time for "as long as you like", so what is over ends here.
            var remaining = timeout - time.GetElapsedTime(started);
            if (remaining > TimeSpan.Zero && route.Config.ConditionFunctionId is { } condition)
            {
                var decision = await TriggerCondition.EvaluateAsync(invoker, condition, input.CallOf(condition, remaining));
                remaining = timeout - time.GetElapsedTime(started);
                if (decision == ConditionOutcome.Skip)
                {
                    return new StartedRequest(RequestEnd.ConditionNotMet);
                }

                if (decision == ConditionOutcome.Failed)
                {
                    return new StartedRequest(remaining > TimeSpan.Zero ? RequestEnd.ConditionFailed : RequestEnd.TimedOut);
                }
            }

            if (remaining <= TimeSpan.Zero)
            {
                return new StartedRequest(RequestEnd.TimedOut);
            }

            return new StartedRequest(RequestEnd.Called, invoker.InvokeAsync(input.CallOf(route.FunctionId, remaining)));
        }
        finally
        {
            input.Return();
        }
    }

    private bool AdmitBody(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size
            && size.MaxRequestBodySize != bodyLimit)
        {
            size.MaxRequestBodySize = bodyLimit;
        }

        return !(context.Request.ContentLength > bodyLimit);
    }

    private static bool HasJsonBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false }
        && context.Request.ContentType is { } type && type.Contains("application/json", StringComparison.Ordinal);

    private RequestInput WriteInput(HttpContext context, HttpRoute route, RequestTarget target, ReadOnlySequence<byte> body)
    {
        if (body.IsSingleSegment)
        {
            return inputs.Write(context, route, target, body.FirstSpan);
        }

        var length = (int)body.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        body.CopyTo(rented);
        var input = inputs.Write(context, route, target, rented.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(rented);
        return input;
    }
}
