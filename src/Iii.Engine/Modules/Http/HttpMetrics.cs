using System.Diagnostics;
using System.Diagnostics.Metrics;
using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.Http;

/// <summary>Measures requests, for <c>System.Diagnostics.Metrics</c>; costs next to nothing while nobody listens.</summary>
internal sealed class HttpMetrics : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Meter _meter = new(InvocationMetrics.MeterName);
    private readonly Histogram<double> _duration;

    public HttpMetrics(TimeProvider time, RequestSlots slots)
    {
        _time = time;
        _duration = _meter.CreateHistogram<double>(
            "iii.http.request.duration", "s", "Time from a request's arrival to the end of its response");
        _meter.CreateObservableUpDownCounter("iii.http.active_requests", () => slots.InUse, description: "Requests under way");
    }

    /// <summary>A routed request has been answered.</summary>
    public void Answered(HttpRoute route, int status, long arrived)
    {
        if (_duration.Enabled)
        {
            _duration.Record(
                _time.GetElapsedTime(arrived).TotalSeconds,
                new TagList
                {
                    { "http.route", route.Label },
                    { "http.request.method", route.MethodName },
                    { "http.response.status_code", status },
                });
        }
    }

    public void Dispose() => _meter.Dispose();
}
