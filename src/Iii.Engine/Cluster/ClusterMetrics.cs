using System.Diagnostics.Metrics;
using Iii.Engine.Invocations;

namespace Iii.Engine.Cluster;

/// <summary>Counts what goes between instances, for <c>System.Diagnostics.Metrics</c>.</summary>
internal sealed class ClusterMetrics : IDisposable
{
    private readonly Meter _meter = new(InvocationMetrics.MeterName);
    private long _framesSent;
    private long _framesReceived;
    private long _callsSent;

    public ClusterMetrics()
    {
        _meter.CreateObservableCounter("iii.cluster.frames.sent", () => FramesSent, description: "Frames handed to the bus");
        _meter.CreateObservableCounter("iii.cluster.frames.received", () => Interlocked.Read(ref _framesReceived), description: "Frames that came over the bus");
        _meter.CreateObservableCounter("iii.cluster.calls.sent", () => CallsSent, description: "Invocations handed to other instances");
    }

    public long FramesSent => Interlocked.Read(ref _framesSent);

    public long CallsSent => Interlocked.Read(ref _callsSent);

    public void FrameSent() => Interlocked.Increment(ref _framesSent);

    public void FrameReceived() => Interlocked.Increment(ref _framesReceived);

    public void CallSent() => Interlocked.Increment(ref _callsSent);

    public void Dispose() => _meter.Dispose();
}
