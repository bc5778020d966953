using System.IO.Pipelines;
using Iii.Engine.Channels;
using Iii.Engine.Hosting;
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
    private readonly ResponseRace _race;
    private readonly ResponseStream _streams;
    private readonly TimeSpan _defaultTimeout;
    private readonly HttpMetrics _metrics;
    private int _streaming;

    public HttpModule(
        HttpOptions options, FunctionInvoker invoker, ChannelDirectory channels, TimeProvider time, ILogger<HttpModule> logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        _defaultTimeout = TimeSpan.FromMilliseconds(options.DefaultTimeoutMs);
        _cors = new CorsPolicy(options.Cors);
        _slots = new RequestSlots(options.ConcurrencyRequestLimit, options.ConcurrencyQueueLimit, _defaultTimeout, time);
        var inputs = new RequestInputWriter(new ClientAddress(options.TrustProxy), options.RequestIdHeader);
        _runner = new RequestRunner(
            invoker,
            channels,
            inputs,
            new RequestMiddleware(invoker, time, logger),
            [.. (options.Middleware ?? []).OrderBy(static middleware => middleware.Priority).Select(static middleware => middleware.FunctionId)],
            options.BodyLimitBytes, _defaultTimeout, time);
        _responses = new ResponseWriter(_cors, options.RequestIdHeader);
        _errors = new HttpErrors(_responses, options.ErrorFormat == HttpErrorFormat.Envelope);
        _outcomes = new OutcomeWriter(_responses, _errors, logger);
        _race = new ResponseRace(TimeSpan.FromMilliseconds(options.ResponseGraceMs), time);
        _streams = new ResponseStream(_responses, logger);
        _metrics = new HttpMetrics(time, _slots);
        Routes = new RouteTable(time, logger);
        TriggerType = new HttpTriggerType(Routes, options.IgnoreTrailingSlash);
    }

    /// <summary>The routes.</summary>
    public RouteTable Routes { get; }

    /// <summary>Serves triggers of the type <see cref="HttpTriggerType.Id"/>.</summary>
    public ITriggerType TriggerType { get; }

    /// <summary>Answers requests for the engine's health that no route matches; null when nobody does.</summary>
    public HealthPage? Health { get; init; }

    /// <summary>Requests whose function has not answered yet, or is streaming its answer.</summary>
    public int ActiveRequests => _slots.InUse + Volatile.Read(ref _streaming);

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

        if (Health is not null && HealthPage.IsFor(request))
        {
            // Here strangers may ask, so they learn the status alone.
            return Health.AnswerAsync(context, withDetails: false);
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

        var request = default(StartedRequest);
        try
        {
            RequestOutcome outcome;
            try
            {
                request = await _runner.StartAsync(context, route, target, started);
                if (request.Call is { } call)
                {
                    await call.FirstEventAsync();
                    outcome = await OutcomeAsync(context, route, request, started);
                }
                else
                {
                    outcome = new RequestOutcome(request.End, Answer: request.Answer);
                }
            }
            finally
            {
                // The slot is for the work; a client that is slow to read holds none.
                _slots.Exit();
            }

            if (outcome.Stream is { } stream)
            {
                await StreamAsync(context, route, request, stream);
            }
            else
            {
                using var result = outcome.Result;
                await _outcomes.SendAsync(context, route, outcome);
            }
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            context.Response.Headers.Clear();
            await _outcomes.SendExceptionAsync(context, route, e);
        }
        finally
        {
            if (request.Channels is { } channels)
            {
                await channels.EndAsync(_defaultTimeout, _time);
            }
        }

        _metrics.Answered(route, context.Response.StatusCode, arrived);
    }

    /// <summary>After the first event: the result, or what comes of a function that may stream. Mostly done without waiting.</summary>
    private ValueTask<RequestOutcome> OutcomeAsync(HttpContext context, HttpRoute route, in StartedRequest request, long started)
    {
        var call = request.Call!;
        var hasResult = call.TryGetResult(out var result);
        if (request.Channels is not { } channels
            || (hasResult && !channels.Response.IsWriterClaimed && (result.IsError || !result.Value.IsEmpty)))
        {
            return ValueTask.FromResult(new RequestOutcome(RequestEnd.Called, result));
        }

        var timeout = route.Config.Timeout ?? _defaultTimeout;
        return _race.RunAsync(
            context, call, channels.Response, started + (long)(timeout.TotalSeconds * _time.TimestampFrequency));
    }

    private async ValueTask StreamAsync(HttpContext context, HttpRoute route, StartedRequest request, ResponseStart start)
    {
        Interlocked.Increment(ref _streaming);
        try
        {
            // From here on the response may take as long as it likes.
            request.Call!.Abandon();
            await _streams.SendAsync(context, route, start, request.Channels!.Response);
        }
        finally
        {
            Interlocked.Decrement(ref _streaming);
        }
    }
}
