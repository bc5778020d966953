using Iii.Broker;
using Iii.Broker.Memory;

namespace Iii.Engine.Tests.Cluster;

/// <summary>The bus of one instance in a memory world, whose cable can be cut, and whose frames are counted and can be held back.</summary>
internal sealed class ObservedBus(MemoryWorld world) : IMessageBus
{
    private readonly MemoryLink _link = new();
    private MemoryMessageBus? _bus;
    private long _calls;

    /// <summary>Whether a frame of the subject is lost on its way.</summary>
    public Func<string, bool> Loses { get; set; } = static _ => false;

    /// <summary>Frames to other instances' inboxes.</summary>
    public long Direct => Interlocked.Read(ref _calls);

    public BrokerFeatures Features => Bus.Features;

    public BrokerLimits Limits => Bus.Limits;

    private MemoryMessageBus Bus => _bus ??= new MemoryMessageBus(world, _link);

    public void Cut() => _link.Cut();

    public void Restore() => _link.Restore();

    public ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default)
    {
        // A probe has nothing behind its beginning; all else is a message of somebody to somebody.
        if (subject.Contains(".inbox.", StringComparison.Ordinal) && frame.Span[1] != (byte)Engine.Cluster.Wire.ClusterFrameKind.Probe)
        {
            Interlocked.Increment(ref _calls);
        }

        return Loses(subject) ? ValueTask.FromResult(PublishOutcome.Sent) : Bus.PublishAsync(subject, frame, cancellationToken);
    }

    public ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default) =>
        Bus.SubscribeAsync(
            subject, (delivery, cancellation) => Loses("to me") ? default : handler(delivery, cancellation), cancellationToken);

    public ValueTask DisposeAsync() => Bus.DisposeAsync();
}
