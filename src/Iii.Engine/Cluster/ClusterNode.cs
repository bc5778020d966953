using System.Buffers;
using System.Globalization;
using Iii.Broker;
using Iii.Engine.Cluster.Calls;
using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Copies;
using Iii.Engine.Channels;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Relays;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Cluster;

/// <summary>This instance as one of several: listens to the bus and hands every frame to the part that it is for.</summary>
/// <remarks>As long as it has not joined, the instance is alone: nothing is published, and nothing is waited for.</remarks>
internal sealed class ClusterNode : IMemberObserver, IClusterStatus, IAsyncDisposable
{
    private static readonly TimeSpan JoinSettle = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(5);

    private readonly InstanceId _self;
    private readonly ClusterOptions _options;
    private readonly FunctionDirectory _functions;
    private readonly TriggerDirectory _triggers;
    private readonly WorkerDirectory _workers;
    private readonly RemoteWorkerDirectory _remoteWorkers;
    private readonly PlaceDirectory _places;
    private readonly FunctionInvoker _invoker;
    private readonly ChannelDirectory _channels;
    private readonly int _maxMessageBytes;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LocalCatalog _catalog = new();
    private readonly ClusterMetrics _metrics = new();
    private readonly RemoteCalls _calls;
    private readonly DirectoryCopier _copier;
    private readonly List<IAsyncDisposable> _subscriptions = [];
    private CatalogPublisher? _publisher;
    private PeerTable? _peers;
    private ClusterMembership? _membership;

    public ClusterNode(
        InstanceId self,
        ClusterOptions options,
        FunctionDirectory functions,
        TriggerDirectory triggers,
        WorkerDirectory workers,
        RemoteWorkerDirectory remoteWorkers,
        PlaceDirectory places,
        FunctionInvoker invoker,
        DeadlineSweeper deadlines,
        ChannelDirectory channels,
        int maxMessageBytes,
        TimeProvider time,
        ILogger logger)
    {
        (_self, _options, _functions, _triggers, _workers, _remoteWorkers) = (self, options, functions, triggers, workers, remoteWorkers);
        (_places, _invoker, _channels, _maxMessageBytes, _time, _logger) = (places, invoker, channels, maxMessageBytes, time, logger);
        _calls = new RemoteCalls(functions, deadlines, _metrics, time, logger);
        _copier = new DirectoryCopier(functions, triggers, remoteWorkers, places, _calls, logger);
    }

    /// <summary>Whether this instance is the one that acts where one of all has to.</summary>
    public bool IsLeader => _membership?.IsLeader != false;

    /// <summary>Invocations of this instance that others work on.</summary>
    public int PendingCount => _membership?.Pending ?? 0;

    /// <summary>Channels that go on at other instances; null for an instance that is alone.</summary>
    public ChannelRelays? Relays { get; private set; }

    /// <inheritdoc/>
    public string Instance => _self.Text;

    /// <inheritdoc/>
    public string Digest => Text(_membership?.Digest ?? CatalogDigest.OfMember(_self.Text, _catalog.State.Digest));

    /// <inheritdoc/>
    public bool IsConnected => _membership?.IsHealthy != false;

    /// <inheritdoc/>
    public IReadOnlyList<(string Instance, string Status, string Digest)> Members =>
    [
        (_self.Text, "alive", Text(_catalog.State.Digest)),
        .. _membership?.Members.Select(member => (member.Id, member.IsSuspect ? "suspect" : "alive", Text(_membership.DigestOf(member)))) ?? [],
    ];

    /// <inheritdoc/>
    public IEnumerable<Peer> WatchedPeers => _copier.Leaving.Concat(Relays?.Peers ?? []);

    /// <summary>Joins the cluster; when the task is done, what the others provide can be called here. Called once, before the first worker comes.</summary>
    /// <exception cref="BrokerException">The bus cannot be subscribed to.</exception>
    public async Task JoinAsync(IMessageBus bus, CancellationToken cancellation)
    {
        _peers = new PeerTable(_options.Name, _self.Text, bus, _calls, _metrics, _time);
        _publisher = new CatalogPublisher(_catalog, _functions, _triggers, _workers, _places);
        _membership = new ClusterMembership(_self.Text, bus, _peers, _catalog, this, _options, _metrics, _time, _logger);
        Relays = new ChannelRelays(_peers, _channels, _maxMessageBytes, _time);
        _calls.Connect(_invoker, _remoteWorkers, _membership);
        _subscriptions.Add(await bus.SubscribeAsync(ClusterSubjects.Inbox(_options.Name, _self.Text), OnInbox, cancellation));
        _subscriptions.Add(await bus.SubscribeAsync(ClusterSubjects.Members(_options.Name), OnMembers, cancellation));
        _membership.Start();
        await _membership.WaitUntilFilledAsync(JoinSettle, JoinPatience);
    }

    /// <summary>
    /// Says goodbye, and takes for a moment longer what the others sent before they heard it. Answers still come and go until the node is
    /// disposed of.
    /// </summary>
    public async Task LeaveAsync()
    {
        if (_membership is null)
        {
            return;
        }

        _membership.Leave();
        await Task.Delay(TimeSpan.FromMilliseconds(_options.LeaveSettleMs), _time);
    }

    /// <summary>A worker that was connected to another instance continues here.</summary>
    public void Retire(string workerId, string token)
    {
        if (_remoteWorkers.Find(workerId) is { } worker)
        {
            var peer = worker.Member.Peer;
            var frame = peer.Begin(ClusterFrameKind.Retire, 128);
            frame.AppendOptional(workerId);
            frame.AppendOptional(token);
            peer.Post(frame.Build());
        }
    }

    /// <inheritdoc/>
    public void Apply(Member member, IReadOnlyList<CatalogEffect> effects) => _copier.Apply(member, effects);

    /// <inheritdoc/>
    public void Unreachable(Member member, string reason)
    {
        RemoteCalls.Stop(member, reason);
        Relays?.Break(member.Peer);
        if (member.IsGone)
        {
            _calls.Forget(member);
        }
    }

    /// <inheritdoc/>
    public void Finished(Member member) => _calls.Forget(member);

    /// <inheritdoc/>
    public void PeerGone(Peer peer)
    {
        Relays?.Break(peer);
        _copier.Gone(peer);
    }

    /// <inheritdoc/>
    public void BusChanged(bool isHealthy)
    {
        if (!isHealthy)
        {
            Relays?.BreakAll();
            foreach (var member in _membership!.Members)
            {
                RemoteCalls.BusGone(member);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _membership?.Leave();
        _membership?.Dispose();
        foreach (var subscription in _subscriptions)
        {
            await subscription.DisposeAsync();
        }

        _publisher?.Dispose();
        _metrics.Dispose();
    }

    private ValueTask OnMembers(BusDelivery delivery, CancellationToken cancellation)
    {
        // What a gap in these has hidden shows in the heartbeats that follow.
        Handle(delivery.Frame.Span);
        return default;
    }

    private ValueTask OnInbox(BusDelivery delivery, CancellationToken cancellation)
    {
        if (delivery.AfterGap)
        {
            _membership!.FramesLost();
        }

        Handle(delivery.Frame.Span);
        return default;
    }

    private void Handle(ReadOnlySpan<byte> bytes, bool isInBatch = false)
    {
        _metrics.FrameReceived();
        if (!ClusterFrameReader.TryBegin(bytes, out var kind, out var senderId, out var reader)
            || (isInBatch && kind == ClusterFrameKind.Batch)
            || _peers!.Find(senderId) is not { } sender)
        {
            _logger.FrameUnknown();
            return;
        }

        try
        {
            Handle(kind, sender, reader);
        }
        catch (FormatException e)
        {
            _logger.FrameMalformed(kind.ToString(), sender.Id, e.Message);
        }
        catch (Exception e)
        {
            _logger.FrameFailed(kind.ToString(), sender.Id, e);
        }
    }

    private void Handle(ClusterFrameKind kind, Peer sender, ClusterFrameReader reader)
    {
        var membership = _membership!;
        switch (kind)
        {
            case ClusterFrameKind.Batch:
                while (!reader.Rest.IsEmpty)
                {
                    Handle(reader.ReadBlob(), isInBatch: true);
                }

                break;
            case ClusterFrameKind.Invoke:
                membership.Alive(sender);
                _calls.Invoke(sender, reader);
                break;
            case ClusterFrameKind.Result:
                membership.Alive(sender);
                if (membership.FindAnswering(sender.Id) is { } answering)
                {
                    RemoteCalls.Result(answering.Pending, reader);
                }

                break;
            case ClusterFrameKind.Bounce:
                if (membership.FindAnswering(sender.Id) is { } bouncing)
                {
                    _calls.Bounced(bouncing, reader);
                }

                break;
            case ClusterFrameKind.Part:
                membership.Alive(sender);
                Part(sender, reader);
                break;
            case ClusterFrameKind.PartAck:
                membership.Alive(sender);
                sender.Outgoing.Acknowledged(ref reader);
                break;
            case ClusterFrameKind.TriggerReport:
                _triggers.ReportHere(reader.ReadString(), reader.ReadBlob());
                break;
            case ClusterFrameKind.Retire:
                _workers.Retire(reader.ReadOptionalString() ?? string.Empty, reader.ReadOptionalString() ?? string.Empty);
                break;
            case ClusterFrameKind.ChannelClaim:
            case ClusterFrameKind.ChannelClaimed:
            case ClusterFrameKind.ChannelData:
            case ClusterFrameKind.ChannelCredit:
            case ClusterFrameKind.ChannelEnd:
            case ClusterFrameKind.ChannelReaderGone:
                membership.Alive(sender);
                Relays?.Handle(kind, sender, reader);
                break;
            default:
                membership.Handle(kind, sender, reader);
                break;
        }
    }

    private void Part(Peer sender, ClusterFrameReader reader)
    {
        if (sender.Incoming.Take(ref reader, sender) is not var (rented, length))
        {
            return;
        }

        try
        {
            if (ClusterFrameReader.TryBegin(rented.AsSpan(0, length), out var kind, out _, out var whole) && kind != ClusterFrameKind.Part)
            {
                Handle(kind, sender, whole);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static string Text(UInt128 digest) => digest.ToString("x32", CultureInfo.InvariantCulture);
}
