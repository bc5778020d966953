using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// Functions as an HTTP API: finds a request's route, calls its function, and makes the result a response. The host gives
/// it the requests of the HTTP listener, and its trigger type to the trigger directory.
/// </summary>
internal sealed class HttpModule : IDisposable
{
    private readonly HttpOptions _options;
    private readonly FunctionInvoker _invoker;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _defaultTimeout;
    private readonly CorsPolicy _cors;
    private readonly RequestSlots _slots;
    private readonly RequestBody _bodies;
    private readonly RequestInputWriter _inputs;
    private readonly ResponseWriter _responses;
    private readonly HttpErrors _errors;
    private readonly HttpMetrics _metrics;

    public HttpModule(HttpOptions options, FunctionInvoker invoker, TimeProvider time, ILogger<HttpModule> logger)
    {
        _options = options;
        _invoker = invoker;
        _time = time;
        _logger = logger;
        _defaultTimeout = TimeSpan.FromMilliseconds(options.DefaultTimeoutMs);
        _cors = new CorsPolicy(options.Cors);
        _slots = new RequestSlots(options.ConcurrencyRequestLimit, options.ConcurrencyQueueLimit, _defaultTimeout, time);
        _bodies = new RequestBody(options.BodyLimitBytes, time);
        _inputs = new RequestInputWriter(new ClientAddress(options.TrustProxy), options.RequestIdHeader);
        _responses = new ResponseWriter(_cors, options.RequestIdHeader);
        _errors = new HttpErrors(_responses, options.ErrorFormat == HttpErrorFormat.Envelope);
        _metrics = new HttpMetrics(time, _slots);
        Routes = new RouteTable(time, logger);
        TriggerType = new HttpTriggerType(Routes, options.IgnoreTrailingSlash);
    }

    /// <summary>The routes.</summary>
    public RouteTable Routes { get; }

    /// <summary>Serves triggers of the type <see cref="HttpTriggerType.Id"/>.</summary>
    public ITriggerType TriggerType { get; }

    /// <summary>Requests whose function has not answered yet.</summary>
    public int ActiveRequests => _slots.InUse;

    /// <summary>Answers one request.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var arrived = _time.GetTimestamp();
        var request = context.Request;
        if (_options.RequestIdHeader is { } idHeader)
        {
            RequestId.Ensure(request.Headers, idHeader);
        }

        var method = RouteMethodNames.OfRequest(request.Method);
        var target = RequestTarget.Parse(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, _options.IgnoreTrailingSlash);
        var match = Routes.Published.Find(target.Path, method);
        if (method == RouteMethods.Options && (match.Route is null || CorsPolicy.IsPreflight(request.Headers)))
        {
            _cors.ApplyPreflight(context.Response.Headers);
            return Finish(_responses.SendAsync(context, StatusCodes.Status200OK, default));
        }

        if (match.Route is { } route)
        {
            return ServeAsync(context, route, target, arrived);
        }

        if (match.OtherMethods != RouteMethods.None)
        {
            return Finish(_errors.MethodNotAllowedAsync(context, match.OtherMethods));
        }

        return _options.NotFoundFunction is { } notFound
            ? ServeAsync(context, HttpRoute.ForUnmatched(notFound, request.Method, target.Path.ToString()), target, arrived)
            : Finish(_errors.NotFoundAsync(context));
    }

    public void Dispose()
    {
        Routes.Dispose();
        _metrics.Dispose();
    }

    private static Task Finish(ValueTask<FlushResult> sending) =>
        sending.IsCompletedSuccessfully ? Task.CompletedTask : sending.AsTask();

    private async Task ServeAsync(HttpContext context, HttpRoute route, RequestTarget target, long arrived)
    {
        var started = arrived;
        if (!_slots.TryEnter())
        {
            if (!await _slots.EnterAsync(context.RequestAborted))
            {
                _logger.RequestTurnedAway(route.MethodName, route.Label);
                await _errors.OverloadedAsync(context);
                _metrics.Answered(route, StatusCodes.Status503ServiceUnavailable, arrived);
                return;
            }

            // The time for waiting is one, the time for the work another.
            started = _time.GetTimestamp();
        }

        try
        {
            RequestOutcome outcome;
            try
            {
                outcome = await CallAsync(context, route, target, started);
            }
            finally
            {
                // The slot is for the work; a client that is slow to read holds none.
                _slots.Exit();
            }

            using var result = outcome.Result;
            await AnswerAsync(context, route, outcome);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            context.Response.Headers.Clear();
            await AnswerExceptionAsync(context, route, e);
        }

        _metrics.Answered(route, context.Response.StatusCode, arrived);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RequestOutcome> CallAsync(HttpContext context, HttpRoute route, RequestTarget target, long started)
    {
        var timeout = route.Config.Timeout ?? _defaultTimeout;
        if (!AdmitBody(context))
        {
            return new RequestOutcome(RequestEnd.BodyTooLarge);
        }

        RequestInput input;
        if (HasJsonBody(context))
        {
            var (end, read) = await _bodies.ReadAsync(context.Request.BodyReader, timeout - _time.GetElapsedTime(started));
            if (end != BodyEnd.Complete)
            {
                context.Request.BodyReader.AdvanceTo(read.Buffer.End);
                return new RequestOutcome(end == BodyEnd.TooLarge ? RequestEnd.BodyTooLarge : RequestEnd.TimedOut);
            }

            input = WriteInput(context, route, target, read.Buffer);
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
        }
        else
        {
            input = _inputs.Write(context, route, target, default);
        }

        ValueTask<InvocationResult> call;
        try
        {
            if (route.Config.ConditionFunctionId is { } condition)
            {
                var decision = await TriggerCondition.EvaluateAsync(
                    _invoker, condition, input.CallOf(condition, timeout - _time.GetElapsedTime(started)));
                if (decision == ConditionOutcome.Skip)
                {
                    return new RequestOutcome(RequestEnd.ConditionNotMet);
                }

                if (decision == ConditionOutcome.Failed)
                {
                    return new RequestOutcome(_time.GetElapsedTime(started) < timeout ? RequestEnd.ConditionFailed : RequestEnd.TimedOut);
                }
            }

            var remaining = timeout - _time.GetElapsedTime(started);
            if (remaining <= TimeSpan.Zero)
            {
                return new RequestOutcome(RequestEnd.TimedOut);
            }

            call = _invoker.InvokeAsync(input.CallOf(route.FunctionId, remaining));
        }
        finally
        {
            input.Return();
        }

        return new RequestOutcome(RequestEnd.Called, await call);
    }

    private bool AdmitBody(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size && size.MaxRequestBodySize != _options.BodyLimitBytes)
        {
            size.MaxRequestBodySize = _options.BodyLimitBytes;
        }

        return !(context.Request.ContentLength > _options.BodyLimitBytes);
    }

    private static bool HasJsonBody(HttpContext context) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false }
        && context.Request.ContentType is { } type && type.Contains("application/json", StringComparison.Ordinal);

    private RequestInput WriteInput(HttpContext context, HttpRoute route, RequestTarget target, ReadOnlySequence<byte> body)
    {
        if (body.IsSingleSegment)
        {
            return _inputs.Write(context, route, target, body.FirstSpan);
        }

        var length = (int)body.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        body.CopyTo(rented);
        var input = _inputs.Write(context, route, target, rented.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(rented);
        return input;
    }

    private ValueTask<FlushResult> AnswerAsync(HttpContext context, HttpRoute route, in RequestOutcome outcome)
    {
        switch (outcome.End)
        {
            case RequestEnd.Called when !outcome.Result.IsError:
                return _responses.SendResultAsync(context, outcome.Result.Value);
            case RequestEnd.Called:
                return AnswerErrorAsync(context, route, outcome.Result);
            case RequestEnd.BodyTooLarge:
                return _errors.BodyTooLargeAsync(context);
            case RequestEnd.TimedOut:
                _logger.RequestTimedOut(route.MethodName, route.Label, route.FunctionId);
                return _errors.TimedOutAsync(context);
            case RequestEnd.ConditionNotMet:
                return _errors.ConditionNotMetAsync(context);
            case RequestEnd.ConditionFailed:
                var errorId = HttpErrors.NewErrorId();
                _logger.ConditionFailed(route.MethodName, route.Label, errorId, route.Config.ConditionFunctionId!);
                return _errors.FailedAsync(context, errorId, "condition_failed", "The condition of this route gave no answer");
            default:
                throw new InvalidOperationException($"no answer for {outcome.End}");
        }
    }

    private ValueTask<FlushResult> AnswerErrorAsync(HttpContext context, HttpRoute route, in InvocationResult result)
    {
        var (code, message) = result.ReadError();
        switch (code)
        {
            case ErrorCodes.InvocationTimeout:
                _logger.RequestTimedOut(route.MethodName, route.Label, route.FunctionId);
                return _errors.TimedOutAsync(context);
            case ErrorCodes.WorkerOverloaded:
                // The call did not run, so the client may simply try again.
                _logger.RequestTurnedAway(route.MethodName, route.Label);
                return _errors.OverloadedAsync(context);
            default:
                var errorId = HttpErrors.NewErrorId();
                _logger.FunctionFailed(route.MethodName, route.Label, errorId, route.FunctionId, code, message);
                return _errors.FailedAsync(context, errorId, code, message);
        }
    }

    private ValueTask<FlushResult> AnswerExceptionAsync(HttpContext context, HttpRoute route, Exception exception)
    {
        switch (exception)
        {
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return _errors.BodyTooLargeAsync(context);
            case BadHttpRequestException bad:
                return _responses.SendAsync(context, bad.StatusCode, default);
            case IOException or OperationCanceledException:
                _logger.ClientLeft(route.MethodName, route.Label);
                return default;
            default:
                var errorId = HttpErrors.NewErrorId();
                _logger.RequestFailed(exception, route.MethodName, route.Label, errorId);
                return _errors.FailedAsync(context, errorId, ErrorCodes.InvocationError, "The request failed inside the engine");
        }
    }
}
