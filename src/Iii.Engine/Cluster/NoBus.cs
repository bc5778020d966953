using Iii.Broker;

namespace Iii.Engine.Cluster;

/// <summary>The bus of an instance that is alone: nobody listens, and nobody ever publishes.</summary>
internal sealed class NoBus : IMessageBus
{
    public BrokerFeatures Features => BrokerFeatures.None;

    public BrokerLimits Limits { get; } = new();

    public ValueTask<PublishOutcome> PublishAsync(
        string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(PublishOutcome.NobodyListens);

    public ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("an instance that is alone listens to nothing");

    public ValueTask DisposeAsync() => default;
}
