using System.Diagnostics.Metrics;
using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.Queue;

/// <summary>Counts what becomes of jobs, for <c>System.Diagnostics.Metrics</c>.</summary>
internal sealed class QueueMetrics : IDisposable
{
    private readonly Meter _meter = new(InvocationMetrics.MeterName);
    private readonly Counter<long> _enqueued;
    private readonly Counter<long> _attempts;

    public QueueMetrics()
    {
        _enqueued = _meter.CreateCounter<long>("iii.queue.enqueued", description: "Jobs that the broker accepted");
        _attempts = _meter.CreateCounter<long>("iii.queue.attempts", description: "Attempts at jobs, by what became of the job");
    }

    public void Enqueued() => _enqueued.Add(1);

    public void Handled() => Count("handled");

    public void Retried() => Count("retried");

    public void Waited() => Count("waited");

    public void DeadLettered() => Count("dead");

    public void Dispose() => _meter.Dispose();

    private void Count(string outcome) => _attempts.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
