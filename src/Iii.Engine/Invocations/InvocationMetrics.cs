using System.Diagnostics;
using System.Diagnostics.Metrics;
using Iii.Engine.Discovery;

namespace Iii.Engine.Invocations;

/// <summary>Counts every invocation: in total, and by function where somebody listens, for <c>System.Diagnostics.Metrics</c>.</summary>
internal sealed class InvocationMetrics : IDisposable
{
    public const string MeterName = "Iii.Engine";

    private readonly TimeProvider _time;
    private readonly Meter _meter = new(MeterName);
    private readonly Histogram<double> _duration;
    private long _succeeded;
    private long _failed;

    public InvocationMetrics(TimeProvider time)
    {
        _time = time;
        _duration = _meter.CreateHistogram<double>("iii.invocation.duration", "s", "Time from dispatch to the end of an invocation");
        _meter.CreateObservableCounter(
            "iii.invocations",
            () => new[]
            {
                new Measurement<long>(Succeeded, new KeyValuePair<string, object?>("outcome", "success")),
                new Measurement<long>(Failed, new KeyValuePair<string, object?>("outcome", "error")),
            },
            description: "Invocations that ended");
    }

    public long Succeeded => Interlocked.Read(ref _succeeded);

    public long Failed => Interlocked.Read(ref _failed);

    public void Ended(FunctionPool function, bool isError, long started)
    {
        Interlocked.Increment(ref isError ? ref _failed : ref _succeeded);
        if (_duration.Enabled)
        {
            _duration.Record(
                _time.GetElapsedTime(started).TotalSeconds,
                new TagList { { "faas.invoked_name", function.Id }, { "outcome", isError ? "error" : "success" } });
        }
    }

    public void Dispose() => _meter.Dispose();
}
