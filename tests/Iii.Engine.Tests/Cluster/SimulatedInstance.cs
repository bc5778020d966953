using Iii.Broker;
using Iii.Engine.Cluster;
using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Engine.Tests.Cluster;

/// <summary>The membership of one instance, without an engine around it, that keeps what it is told of the others.</summary>
internal sealed class SimulatedInstance : IMessageBus, IMemberObserver, IOutboxObserver, IDisposable
{
    public const string Cluster = "simulation";

    private readonly SimulatedNetwork _network;
    private readonly PeerTable _peers;
    private readonly ClusterMetrics _metrics = new();
    private readonly Dictionary<string, Dictionary<string, byte[]>> _learnt = [];

    public SimulatedInstance(string id, SimulatedNetwork network, TimeProvider time)
    {
        Id = id;
        _network = network;
        _peers = new PeerTable(Cluster, id, this, this, _metrics, time);
        Membership = new ClusterMembership(
            id, this, _peers, Catalog, this, new ClusterOptions { Name = Cluster }, _metrics, time, NullLogger.Instance);
        network.Connect(this);
        Membership.Start();
    }

    public string Id { get; }

    public LocalCatalog Catalog { get; } = new();

    public ClusterMembership Membership { get; }

    public BrokerFeatures Features => BrokerFeatures.Shared;

    public BrokerLimits Limits { get; } = new();

    public IEnumerable<Peer> WatchedPeers => [];

    /// <summary>What the rest of an engine would have heard of another instance.</summary>
    public IReadOnlyDictionary<string, byte[]> LearntOf(string id) => _learnt.GetValueOrDefault(id) ?? [];

    /// <summary>The keys of all that was ever known of others.</summary>
    public HashSet<string> EverLearnt { get; } = [];

    /// <summary>Everybody of whom something is known.</summary>
    public IEnumerable<string> Known => _learnt.Where(static entry => entry.Value.Count > 0).Select(static entry => entry.Key);

    public void Receive(byte[] frame)
    {
        Assert.True(ClusterFrameReader.TryBegin(frame, out var kind, out var sender, out var reader));
        Membership.Handle(kind, _peers.Find(sender)!, reader);
    }

    /// <summary>Ends without a goodbye.</summary>
    public void Crash()
    {
        _network.Disconnect(this);
        Dispose();
    }

    public void Leave()
    {
        Membership.Leave();
        Crash();
    }

    public ValueTask<PublishOutcome> PublishAsync(string subject, ReadOnlyMemory<byte> frame, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(_network.Publish(this, subject, frame.Span));

    public ValueTask<IAsyncDisposable> SubscribeAsync(string subject, BusHandler handler, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("the network knows who listens");

    public void Apply(Member member, IReadOnlyList<CatalogEffect> effects)
    {
        if (!_learnt.TryGetValue(member.Id, out var entries))
        {
            _learnt.Add(member.Id, entries = []);
        }

        foreach (var effect in effects)
        {
            Assert.Equal(effect.IsNew, effect.Value is not null && !entries.ContainsKey(effect.Key));
            if (effect.Value is null)
            {
                Assert.True(entries.Remove(effect.Key), "what is gone was there");
            }
            else
            {
                entries[effect.Key] = effect.Value;
                EverLearnt.Add(effect.Key);
            }
        }
    }

    public void Unreachable(Member member, string reason)
    {
    }

    public void Finished(Member member)
    {
    }

    public void Undelivered(Peer peer, ReadOnlySpan<byte> frame, SendOutcome outcome)
    {
    }

    public void PeerGone(Peer peer)
    {
    }

    public void BusChanged(bool isHealthy)
    {
    }

    public void Dispose()
    {
        Membership.Dispose();
        _metrics.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }
}
