using System.Buffers;
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
/// <remarks>Without a bus the instance is alone: nothing is published, and nothing is waited for.</remarks>
internal sealed class ClusterNode : IMemberObserver, IAsyncDisposable
{
    private static readonly TimeSpan JoinSettle = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(5);

    private readonly string _self;
    private readonly IMessageBus? _bus;
    private readonly ClusterOptions _options;
    private readonly PeerTable _peers;
    private readonly LocalCatalog _catalog = new();
    private readonly ClusterMetrics _metrics = new();
    private readonly RemoteCalls _calls;
    private readonly DirectoryCopier _copier;
    private readonly CatalogPublisher? _publisher;
    private readonly TriggerDirectory _triggers;
    private readonly WorkerDirectory _workers;
    private readonly DeadlineSweeper _deadlines;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly List<IAsyncDisposable> _subscriptions = [];

    public ClusterNode(
        InstanceId self,
        IMessageBus? bus,
        ClusterOptions options,
        FunctionDirectory functions,
        TriggerDirectory triggers,
        WorkerDirectory workers,
        RemoteWorkerDirectory remoteWorkers,
        FunctionInvoker invoker,
        DeadlineSweeper deadlines,
        ChannelDirectory channels,
        int maxMessageBytes,
        TimeProvider time,
        ILogger logger)
    {
        _self = self.Text;
        (_bus, _options, _triggers, _workers, _deadlines, _time, _logger) = (bus, options, triggers, workers, deadlines, time, logger);
        RemoteWorkers = remoteWorkers;
        var link = bus ?? new NoBus();
        _peers = new PeerTable(options.Name, _self, link, _metrics, time);
        _calls = new RemoteCalls(functions, deadlines, _metrics, time);
        _copier = new DirectoryCopier(functions, triggers, remoteWorkers, _calls, logger);
        _publisher = bus is null ? null : new CatalogPublisher(_catalog, functions, triggers, workers);
        Membership = new ClusterMembership(_self, link, _peers, _catalog, this, options, _metrics, time, logger);
        Relays = bus is null ? null : new ChannelRelays(_peers, channels, maxMessageBytes, time);
        _calls.Connect(invoker, remoteWorkers, Membership);
    }

    public ClusterMembership Membership { get; }

    public RemoteWorkerDirectory RemoteWorkers { get; }

    /// <summary>Channels that go on at other instances; null for an instance that is alone.</summary>
    public ChannelRelays? Relays { get; }

    /// <summary>Frames handed to the bus so far.</summary>
    public long FramesSent => _metrics.FramesSent;

    /// <summary>Joins the cluster; when the task is done, what the others provide can be called here.</summary>
    /// <exception cref="BrokerException">The bus cannot be subscribed to.</exception>
    public async Task JoinAsync(CancellationToken cancellation)
    {
        if (_bus is null)
        {
            return;
        }

        _subscriptions.Add(await _bus.SubscribeAsync(ClusterSubjects.Inbox(_options.Name, _self), OnInbox, cancellation));
        _subscriptions.Add(await _bus.SubscribeAsync(ClusterSubjects.Members(_options.Name), OnMembers, cancellation));
        Membership.Start();
        await Membership.WaitUntilFilledAsync(JoinSettle, JoinPatience);
    }

    /// <summary>
    /// Says goodbye, and takes for a moment longer what the others sent before they heard it. Answers still come and go until the node is
    /// disposed of.
    /// </summary>
    public async Task LeaveAsync()
    {
        if (_bus is null)
        {
            return;
        }

        Membership.Leave();
        await Task.Delay(TimeSpan.FromMilliseconds(_options.LeaveSettleMs), _time);
    }

    /// <summary>A worker that was connected to another instance continues here.</summary>
    public void Retire(string workerId, string token)
    {
        if (RemoteWorkers.Find(workerId) is { } worker)
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
            _deadlines.Remove(member.Pending);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<Peer> WatchedPeers => Relays?.Peers ?? [];

    /// <inheritdoc/>
    public void PeerGone(Peer peer) => Relays?.Break(peer);

    /// <inheritdoc/>
    public void BusChanged(bool isHealthy)
    {
        if (!isHealthy)
        {
            Relays?.BreakAll();
            foreach (var member in Membership.Members)
            {
                RemoteCalls.BusGone(member);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_bus is not null)
        {
            Membership.Leave();
        }

        Membership.Dispose();
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
            Membership.FramesLost();
        }

        Handle(delivery.Frame.Span);
        return default;
    }

    private void Handle(ReadOnlySpan<byte> bytes)
    {
        _metrics.FrameReceived();
        if (!ClusterFrameReader.TryBegin(bytes, out var kind, out var senderId, out var reader) || _peers.Find(senderId) is not { } sender)
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
        switch (kind)
        {
            case ClusterFrameKind.Invoke:
                Membership.Alive(sender);
                _calls.Invoke(sender, reader);
                break;
            case ClusterFrameKind.Result:
                Membership.Alive(sender);
                if (Membership.FindAnswering(sender.Id) is { } answering)
                {
                    RemoteCalls.Result(answering.Pending, reader);
                }

                break;
            case ClusterFrameKind.Bounce:
                if (Membership.FindAnswering(sender.Id) is { } bouncing)
                {
                    _calls.Bounced(bouncing, reader);
                }

                break;
            case ClusterFrameKind.Part:
                Membership.Alive(sender);
                Part(sender, reader);
                break;
            case ClusterFrameKind.PartAck:
                Membership.Alive(sender);
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
                Membership.Alive(sender);
                Relays?.Handle(kind, sender, reader);
                break;
            default:
                Membership.Handle(kind, sender, reader);
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
}
