using System.IO.Pipelines;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
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
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CorsPolicy _cors;
    private readonly RequestSlots _slots;
    private readonly RequestRunner _runner;
    private readonly ResponseWriter _responses;
    private readonly HttpErrors _errors;
    private readonly OutcomeWriter _outcomes;
    private readonly HttpMetrics _metrics;

    public HttpModule(HttpOptions options, FunctionInvoker invoker, TimeProvider time, ILogger<HttpModule> logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        var defaultTimeout = TimeSpan.FromMilliseconds(options.DefaultTimeoutMs);
        _cors = new CorsPolicy(options.Cors);
        _slots = new RequestSlots(options.ConcurrencyRequestLimit, options.ConcurrencyQueueLimit, defaultTimeout, time);
        var inputs = new RequestInputWriter(new ClientAddress(options.TrustProxy), options.RequestIdHeader);
        _runner = new RequestRunner(invoker, inputs, options.BodyLimitBytes, defaultTimeout, time);
        _responses = new ResponseWriter(_cors, options.RequestIdHeader);
        _errors = new HttpErrors(_responses, options.ErrorFormat == HttpErrorFormat.Envelope);
        _outcomes = new OutcomeWriter(_responses, _errors, logger);
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
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var target = RequestTarget.Parse(rawTarget, _options.IgnoreTrailingSlash);
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

        if (target.Path.IsEmpty)
        {
            // CONNECT, or a target that is no path at all.
            return Finish(_errors.NotFoundAsync(context));
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
                var request = await _runner.StartAsync(context, route, target, started);
                outcome = request.End == RequestEnd.Called
                    ? new RequestOutcome(RequestEnd.Called, await request.Call)
                    : new RequestOutcome(request.End);
            }
            finally
            {
                // The slot is for the work; a client that is slow to read holds none.
                _slots.Exit();
            }

            using var result = outcome.Result;
            await _outcomes.SendAsync(context, route, outcome);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            context.Response.Headers.Clear();
            await _outcomes.SendExceptionAsync(context, route, e);
        }

        _metrics.Answered(route, context.Response.StatusCode, arrived);
    }
}
