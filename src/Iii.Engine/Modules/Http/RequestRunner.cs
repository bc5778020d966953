using System.Buffers;
using Iii.Engine.Channels;
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
    FunctionInvoker invoker, ChannelDirectory channelDirectory, RequestInputWriter inputs, RequestMiddleware middleware,
    IReadOnlyList<string> globalMiddleware, int bodyLimit, TimeSpan defaultTimeout, TimeProvider time)
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
        var hasBody = CanHaveBody(context);
        var isJson = hasBody && IsJson(context);
        if (!AdmitBody(context, isJson))
        {
            return new StartedRequest(RequestEnd.BodyTooLarge, null);
        }

        if (globalMiddleware.Count > 0
            && await middleware.RunAsync(globalMiddleware, context, route, target, timeout, started) is { } answer)
        {
            return new StartedRequest(answer.End, null, Answer: answer.Answer);
        }

        var json = default(ReadOnlySequence<byte>);
        if (isJson)
        {
            var (end, read) = await _bodies.ReadAsync(context.Request.BodyReader, timeout - time.GetElapsedTime(started));
            json = read.Buffer;
            if (end != BodyEnd.Complete)
            {
                context.Request.BodyReader.AdvanceTo(json.End);
                return new StartedRequest(end == BodyEnd.TooLarge ? RequestEnd.BodyTooLarge : RequestEnd.TimedOut, null);
            }
        }

        var channels = OpenChannels(context, route, hasBody, isJson, json);
        try
        {
            var input = WriteInput(context, route, target, json, channels);
            if (isJson && channels is null)
            {
                context.Request.BodyReader.AdvanceTo(json.End);
            }

            return await CallAsync(context, target, route, input, channels, timeout, started);
        }
        catch when (channels is not null)
        {
            await channels.EndAsync(timeout, time);
            throw;
        }
    }

    private async ValueTask<StartedRequest> CallAsync(
        HttpContext context, RequestTarget target, HttpRoute route, RequestInput input, RequestChannels? channels, TimeSpan timeout, long started)
    {
        try
        {
            // The door takes no time for "as long as you like", so what is over ends here.
            var remaining = timeout - time.GetElapsedTime(started);
            if (remaining > TimeSpan.Zero && route.Config.ConditionFunctionId is { } condition)
            {
                var decision = await AskAsync(condition, input, remaining);
                remaining = timeout - time.GetElapsedTime(started);
                if (decision == ConditionOutcome.Skip)
                {
                    return new StartedRequest(RequestEnd.ConditionNotMet, channels);
                }

                if (decision == ConditionOutcome.Failed)
                {
                    return new StartedRequest(remaining > TimeSpan.Zero ? RequestEnd.ConditionFailed : RequestEnd.TimedOut, channels);
                }
            }

            if (remaining > TimeSpan.Zero && route.Config.Middleware.Count > 0)
            {
                if (await middleware.RunAsync(route.Config.Middleware, context, route, target, timeout, started) is { } answer)
                {
                    return new StartedRequest(answer.End, channels, Answer: answer.Answer);
                }

                remaining = timeout - time.GetElapsedTime(started);
            }

            if (remaining <= TimeSpan.Zero)
            {
                return new StartedRequest(RequestEnd.TimedOut, channels);
            }

            var call = new RequestCall();
            channels?.Announce(call);
            invoker.Invoke(input.CallOf(route.FunctionId, remaining), call);
            return new StartedRequest(RequestEnd.Called, channels, call);
        }
        finally
        {
            input.Return();
        }
    }

    // Only what is held in memory is bounded; what is streamed may be of any length.
    private bool AdmitBody(HttpContext context, bool isJson)
    {
        long? limit = isJson ? bodyLimit : null;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size && size.MaxRequestBodySize != limit)
        {
            size.MaxRequestBodySize = limit;
        }

        return !(context.Request.ContentLength > limit);
    }

    private static bool CanHaveBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    private static bool IsJson(HttpContext context) =>
        context.Request.ContentType is { } type && type.Contains("application/json", StringComparison.Ordinal);

    private RequestChannels? OpenChannels(HttpContext context, HttpRoute route, bool hasBody, bool isJson, ReadOnlySequence<byte> json)
    {
        if (route.Config.Input == InputMode.Body)
        {
            return null;
        }

        var channels = new RequestChannels(channelDirectory, context);
        if (isJson)
        {
            channels.OfferJson(json);
        }
        else if (hasBody)
        {
            channels.OfferStream();
        }
        else
        {
            channels.OfferNothing();
        }

        return channels;
    }

    private ValueTask<ConditionOutcome> AskAsync(string condition, RequestInput input, TimeSpan remaining)
    {
        var bare = input.WithoutChannels();
        try
        {
            return TriggerCondition.EvaluateAsync(invoker, condition, new Invocation
            {
                FunctionId = condition,
                Data = bare.Span,
                TraceParent = input.TraceParent,
                Baggage = input.Baggage,
                Timeout = remaining,
            });
        }
        finally
        {
            bare.Return();
        }
    }

    private RequestInput WriteInput(
        HttpContext context, HttpRoute route, RequestTarget target, ReadOnlySequence<byte> body, RequestChannels? channels)
    {
        if (body.IsSingleSegment)
        {
            return inputs.Write(context, route, target, body.FirstSpan, channels);
        }

        var length = (int)body.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        body.CopyTo(rented);
        var input = inputs.Write(context, route, target, rented.AsSpan(0, length), channels);
        ArrayPool<byte>.Shared.Return(rented);
        return input;
    }
}
