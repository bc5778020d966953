using System.Collections.Concurrent;
using System.Text;
using Iii.Broker;
using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Cluster.Membership;

/// <summary>
/// Which instances there are, and a copy of what each provides. Every instance says at an interval that it is there and what the
/// fingerprint of its catalog is; whoever finds that its copy differs asks for a snapshot, so whatever the bus loses heals.
/// </summary>
/// <remarks>
/// <para>Clocks are never compared between instances: each measures, on its own, how long another one has been silent.</para>
/// <para>
/// An instance hears its own heartbeats too. As long as it does not, the bus is down or it has been asleep itself, and it draws no
/// conclusions from the silence of others.
/// </para>
/// </remarks>
internal sealed class ClusterMembership : IDisposable
{
    private static readonly TimeSpan PublishDelay = TimeSpan.FromMilliseconds(2);

    private readonly string _self;
    private readonly byte[] _utf8Self;
    private readonly string _subject;
    private readonly IMessageBus _bus;
    private readonly IBrokerConnection? _connection;
    private readonly PeerTable _peers;
    private readonly LocalCatalog _catalog;
    private readonly IMemberObserver _observer;
    private readonly ClusterMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _suspectTimeout;
    private readonly TimeSpan _memberTimeout;
    private readonly Lock _lock = new();
    private readonly Lock _publishing = new();
    private readonly ConcurrentDictionary<string, Member> _members = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Member, byte> _finishing = new();
    private readonly Dictionary<string, long> _departed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _awaited = new(StringComparer.Ordinal);
    private readonly List<CatalogEffect> _effects = [];
    private readonly ITimer _heartbeat;
    private readonly ITimer _publish;
    private TaskCompletionSource? _filled;
    private long _lastTick;
    private long _lastOwn;
    private long _healthySince;
    private volatile bool _isHealthy = true;
    private volatile bool _isLeaving;
    private bool _isDisposed;

    public ClusterMembership(
        string self,
        IMessageBus bus,
        PeerTable peers,
        LocalCatalog catalog,
        IMemberObserver observer,
        ClusterOptions options,
        ClusterMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _self = self;
        _utf8Self = Encoding.UTF8.GetBytes(self);
        _subject = ClusterSubjects.Members(options.Name);
        (_bus, _peers, _catalog, _observer, _metrics, _time, _logger) = (bus, peers, catalog, observer, metrics, time, logger);
        _connection = bus as IBrokerConnection;
        _interval = TimeSpan.FromMilliseconds(options.HeartbeatIntervalMs);
        _suspectTimeout = TimeSpan.FromMilliseconds(options.SuspectTimeoutMs);
        _memberTimeout = TimeSpan.FromMilliseconds(options.MemberTimeoutMs);
        _heartbeat = time.CreateTimer(
            static state => ((ClusterMembership)state!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _publish = time.CreateTimer(
            static state => ((ClusterMembership)state!).Publish(withHeartbeat: false), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The other instances.</summary>
    public IEnumerable<Member> Members => _members.Select(static entry => entry.Value);

    /// <summary>Invocations of this instance that others work on.</summary>
    public int Pending => Members.Concat(_finishing.Keys).Sum(static member => member.Pending.Count);

    /// <summary>Whether frames can be expected to arrive.</summary>
    public bool IsHealthy => _isHealthy;

    /// <summary>
    /// The fingerprint of the whole directory, of this instance and of all others: the same everywhere once all have heard everything.
    /// </summary>
    public UInt128 Digest
    {
        get
        {
            lock (_lock)
            {
                var digest = _isLeaving ? 0 : CatalogDigest.OfMember(_self, _catalog.State.Digest);
                foreach (var (id, member) in _members)
                {
                    digest ^= CatalogDigest.OfMember(id, member.Catalog.State.Digest);
                }

                return digest;
            }
        }
    }

    /// <summary>Whether this instance is the one that acts where one of all has to: the first by id of those that are there.</summary>
    public bool IsLeader
    {
        get
        {
            foreach (var (id, member) in _members)
            {
                if (!member.IsGone && string.CompareOrdinal(id, _self) < 0)
                {
                    return false;
                }
            }

            return !_isLeaving;
        }
    }

    /// <summary>The fingerprint of the copy of one member's catalog.</summary>
    public UInt128 DigestOf(Member member)
    {
        lock (_lock)
        {
            return member.Catalog.State.Digest;
        }
    }

    public Member? Find(string id) => _members.GetValueOrDefault(id);

    /// <summary>A member, or one that has said goodbye and still works on something.</summary>
    public Member? FindAnswering(string id)
    {
        if (_members.TryGetValue(id, out var member))
        {
            return member;
        }

        foreach (var (finishing, _) in _finishing)
        {
            if (finishing.Id == id)
            {
                return finishing;
            }
        }

        return null;
    }

    /// <summary>Says hello. The subjects are subscribed to before.</summary>
    public void Start()
    {
        _lastTick = _lastOwn = _healthySince = _time.GetTimestamp();
        _catalog.Changed += PublishSoon;
        if (_connection is not null)
        {
            _connection.ConnectionChanged += ConnectionChanged;
        }

        PostToAll(ClusterFrames.Begin(ClusterFrameKind.Hello, _utf8Self, 16).Build());
        Publish(withHeartbeat: true);
        _heartbeat.Change(_interval, _interval);
    }

    /// <summary>Waits until the catalogs of all that were there have come, for at most so long.</summary>
    public async Task WaitUntilFilledAsync(TimeSpan settle, TimeSpan patience)
    {
        // Whoever is there answers a hello at once, and names the others that it knows.
        await Task.Delay(settle, _time);
        Task filled;
        lock (_lock)
        {
            if (IsFilled())
            {
                return;
            }

            filled = (_filled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        try
        {
            await filled.WaitAsync(patience, _time);
        }
        catch (TimeoutException)
        {
            _logger.CatalogsMissing(patience.TotalSeconds);
        }
    }

    /// <summary>Says goodbye: the others forget what this instance provides. It still hears and sends.</summary>
    public void Leave()
    {
        lock (_publishing)
        {
            if (_isLeaving)
            {
                return;
            }

            // What it holds outlasts the goodbye, so the others have to know of it.
            Publish(withHeartbeat: false);
            _isLeaving = true;
            _heartbeat.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            PostToAll(ClusterFrames.Begin(ClusterFrameKind.Goodbye, _utf8Self, 0).Build());
        }
    }

    /// <summary>Takes one frame about membership.</summary>
    /// <exception cref="FormatException">The frame is not what it says it is.</exception>
    public void Handle(ClusterFrameKind kind, Peer sender, ClusterFrameReader reader)
    {
        if (sender.Id == _self)
        {
            if (kind == ClusterFrameKind.Heartbeat)
            {
                HeardOwn();
            }

            return;
        }

        switch (kind)
        {
            case ClusterFrameKind.Hello:
                Heard(sender);
                PostSnapshot(sender);
                break;
            case ClusterFrameKind.Heartbeat:
                Heartbeat(sender, ref reader);
                break;
            case ClusterFrameKind.Delta:
                Delta(sender, ref reader);
                break;
            case ClusterFrameKind.Goodbye:
                Departed(sender);
                break;
            case ClusterFrameKind.SnapshotRequest:
                Heard(sender);
                PostSnapshot(sender);
                break;
            case ClusterFrameKind.Snapshot:
                Snapshot(sender, ref reader);
                break;
            case ClusterFrameKind.Probe:
                Heard(sender);
                break;
            case ClusterFrameKind.Gap:
                if (Heard(sender) is { } member)
                {
                    _observer.Unreachable(member, "frames between the instances were lost");
                }

                break;
            default:
                throw new FormatException($"{kind} is no frame about membership");
        }
    }

    /// <summary>A frame of any kind came from a peer: it is alive.</summary>
    public void Alive(Peer sender)
    {
        if (_members.TryGetValue(sender.Id, out var member))
        {
            member.LastHeard = _time.GetTimestamp();
        }
    }

    /// <summary>Frames to this instance have been lost, and nobody knows whose: all are told, and all that is under way is given up.</summary>
    public void FramesLost()
    {
        _logger.FramesLost();
        foreach (var member in Members)
        {
            member.Peer.PostAlone(member.Peer.Begin(ClusterFrameKind.Gap, 0).Build());
            _observer.Unreachable(member, "frames between the instances were lost");
        }
    }

    /// <summary>Nobody listens where a member should: it is gone. It is removed on a thread of the pool, since the caller may hold the lock.</summary>
    public void NobodyListensSoon(Member member) => ThreadPool.UnsafeQueueUserWorkItem(
        static state => state.Membership.NobodyListens(state.Member), (Membership: this, Member: member), preferLocal: false);

    public void Dispose()
    {
        _isDisposed = true;
        _catalog.Changed -= PublishSoon;
        if (_connection is not null)
        {
            _connection.ConnectionChanged -= ConnectionChanged;
        }

        _heartbeat.Dispose();
        _publish.Dispose();
    }

    private void NobodyListens(Member member) => Remove(member, "nobody listens to its inbox");

    private bool IsFilled() => _awaited.Count == 0 && _members.All(static entry => entry.Value.IsFilled);

    private void PublishSoon() => _publish.Change(PublishDelay, Timeout.InfiniteTimeSpan);

    private void Tick()
    {
        var now = _time.GetTimestamp();
        var wasAsleep = _time.GetElapsedTime(_lastTick, now) > _interval * 3;
        _lastTick = now;
        Publish(withHeartbeat: true);
        CheckHealth(now);
        List<(Member Member, string? Reason)> silent = [];
        List<Member> incomplete = [];
        lock (_lock)
        {
            var isBusLively = _isHealthy && _time.GetElapsedTime(Volatile.Read(ref _lastOwn), now) <= _suspectTimeout / 2;
            foreach (var (_, member) in _members)
            {
                var silence = _time.GetElapsedTime(Math.Max(member.LastHeard, _healthySince), now);
                if (isBusLively && !wasAsleep && silence > _suspectTimeout)
                {
                    silent.Add((member, silence > _memberTimeout ? $"it has been silent for {silence.TotalSeconds:0.0} s" : null));
                }
                else if (silence <= _suspectTimeout)
                {
                    member.IsSuspect = false;
                }

                if (member.SnapshotRequested is { } requested && _time.GetElapsedTime(requested, now) > _interval * 4)
                {
                    member.SnapshotRequested = now;
                    incomplete.Add(member);
                }
            }

            foreach (var (id, since) in _departed)
            {
                if (_time.GetElapsedTime(since, now) > _memberTimeout * 4)
                {
                    _departed.Remove(id);
                }
            }
        }

        foreach (var (member, reason) in silent)
        {
            if (reason is not null)
            {
                Remove(member, reason);
            }
            else if (!member.IsSuspect)
            {
                member.IsSuspect = true;
                _logger.MemberSuspect(member.Id);
                _observer.Unreachable(member, "the instance that worked on it is silent");
            }
        }

        foreach (var member in incomplete)
        {
            member.Peer.PostAlone(member.Peer.Begin(ClusterFrameKind.SnapshotRequest, 0).Build());
        }

        Probe(now);
        _peers.Sweep(id => _members.ContainsKey(id));
    }

    /// <summary>Sends something to whoever was sent nothing for a while: that is how a dead instance is noticed long before its silence is.</summary>
    private void Probe(long now)
    {
        if (!_isHealthy)
        {
            return;
        }

        foreach (var (member, _) in _finishing)
        {
            if (member.Pending.Count == 0 && _finishing.TryRemove(member, out _))
            {
                _observer.Finished(member);
            }
        }

        foreach (var peer in Members.Concat(_finishing.Keys).Select(static member => member.Peer).Union(_observer.WatchedPeers))
        {
            if (_time.GetElapsedTime(peer.LastSent, now) >= _interval / 2)
            {
                var frame = peer.Begin(ClusterFrameKind.Probe, 0).Build();
                var sending = peer.SendAsync(frame.Memory);
                if (sending.IsCompletedSuccessfully)
                {
                    Probed(peer, frame, sending.Result);
                }
                else
                {
                    _ = ProbeAsync(peer, frame, sending);
                }
            }
        }
    }

    private async Task ProbeAsync(Peer peer, Frame frame, ValueTask<SendOutcome> sending) => Probed(peer, frame, await sending);

    private void Probed(Peer peer, Frame frame, SendOutcome outcome)
    {
        frame.Return();
        if (outcome != SendOutcome.NobodyListens)
        {
            return;
        }

        if (FindAnswering(peer.Id) is { } member)
        {
            NobodyListens(member);
        }

        _observer.PeerGone(peer);
    }

    private void CheckHealth(long now)
    {
        var isHealthy = _connection?.IsConnected != false && _time.GetElapsedTime(Volatile.Read(ref _lastOwn), now) <= _memberTimeout;
        SetHealth(isHealthy);
    }

    private void ConnectionChanged()
    {
        if (_connection!.IsConnected)
        {
            // What was missed meanwhile shows in the next heartbeats.
            Publish(withHeartbeat: true);
        }
        else
        {
            SetHealth(false);
        }
    }

    private void HeardOwn()
    {
        Volatile.Write(ref _lastOwn, _time.GetTimestamp());
        if (!_isHealthy && _connection?.IsConnected != false)
        {
            SetHealth(true);
        }
    }

    private void SetHealth(bool isHealthy)
    {
        lock (_lock)
        {
            if (_isHealthy == isHealthy || _isDisposed)
            {
                return;
            }

            _isHealthy = isHealthy;
            if (isHealthy)
            {
                _healthySince = _time.GetTimestamp();
            }
        }

        if (isHealthy)
        {
            _logger.BusBack();
        }
        else
        {
            _logger.BusGone();
        }

        _observer.BusChanged(isHealthy);
    }

    private void Publish(bool withHeartbeat)
    {
        lock (_publishing)
        {
            if (_isLeaving || _isDisposed)
            {
                return;
            }

            List<CatalogChange> changes = [];
            var from = _catalog.TakeChanges(changes, out var state);
            if (changes.Count > 0)
            {
                PublishChanges(from, state.Version, changes);
            }

            if (withHeartbeat)
            {
                var frame = ClusterFrames.Begin(ClusterFrameKind.Heartbeat, _utf8Self, 24);
                frame.AppendUInt64(state.Version);
                frame.AppendUInt128(state.Digest);
                PostToAll(frame.Build());
            }
        }
    }

    /// <summary>Publishes deltas that fit the bus. A change that fits none shows in the next heartbeat, and is fetched with a snapshot.</summary>
    private void PublishChanges(ulong from, ulong to, List<CatalogChange> changes)
    {
        var limit = Math.Min(256 * 1024, _bus.Limits.MaxFrameBytes - 1024);
        for (var first = 0; first < changes.Count;)
        {
            var (last, size) = (first, 0);
            while (last < changes.Count && size + changes[last].Size <= limit)
            {
                size += changes[last++].Size;
            }

            if (last == first)
            {
                return;
            }

            var next = last == changes.Count ? to : from + (ulong)(last - first);
            var frame = ClusterFrames.Begin(ClusterFrameKind.Delta, _utf8Self, size + 32);
            frame.AppendUInt64(from);
            frame.AppendUInt64(next);
            frame.AppendUInt32((uint)(last - first));
            for (var i = first; i < last; i++)
            {
                changes[i].Append(ref frame);
            }

            PostToAll(frame.Build());
            (first, from) = (last, next);
        }
    }

    private void PostToAll(Frame frame)
    {
        _metrics.FrameSent();
        ValueTask<PublishOutcome> publishing;
        try
        {
            publishing = _bus.PublishAsync(_subject, frame.Memory);
        }
        catch (Exception e) when (e is BrokerException or ObjectDisposedException)
        {
            // The heartbeats to come repair what this one was about.
            frame.Return();
            return;
        }

        if (publishing.IsCompletedSuccessfully)
        {
            _ = publishing.Result;
            frame.Return();
        }
        else
        {
            _ = AwaitAsync(publishing, frame);
        }
    }

    private static async Task AwaitAsync(ValueTask<PublishOutcome> publishing, Frame frame)
    {
        try
        {
            await publishing;
        }
        catch (Exception e) when (e is BrokerException or ObjectDisposedException or OperationCanceledException)
        {
            // As above.
        }
        finally
        {
            frame.Return();
        }
    }

    private void PostSnapshot(Peer peer)
    {
        if (_isLeaving)
        {
            return;
        }

        var entries = _catalog.Snapshot(out var state);
        var frame = peer.Begin(ClusterFrameKind.Snapshot, 64 + entries.Sum(static entry => entry.Size));
        frame.AppendUInt64(state.Version);
        var others = _members.Keys.ToArray();
        frame.AppendUInt32((uint)others.Length);
        foreach (var other in others)
        {
            frame.AppendString(other);
        }

        frame.AppendUInt32((uint)entries.Length);
        foreach (var entry in entries)
        {
            entry.Append(ref frame);
        }

        peer.PostAlone(frame.Build());
    }

    private void Heartbeat(Peer sender, ref ClusterFrameReader reader)
    {
        var state = new CatalogState(reader.ReadUInt64(), reader.ReadUInt128());
        if (Heard(sender) is not { } member)
        {
            return;
        }

        bool isStale;
        lock (_lock)
        {
            var copy = member.Catalog.State;
            isStale = (!member.IsFilled || state.Version > copy.Version || (state.Version == copy.Version && state.Digest != copy.Digest))
                && AskForSnapshot(member);
        }

        if (isStale)
        {
            member.Peer.PostAlone(member.Peer.Begin(ClusterFrameKind.SnapshotRequest, 0).Build());
        }
    }

    private void Delta(Peer sender, ref ClusterFrameReader reader)
    {
        var (from, to) = (reader.ReadUInt64(), reader.ReadUInt64());
        var changes = new CatalogChange[reader.ReadUInt32()];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = CatalogChange.Read(ref reader);
        }

        if (Heard(sender) is not { } member)
        {
            return;
        }

        var isStale = false;
        lock (_lock)
        {
            if (member.IsGone)
            {
                return;
            }

            if (member.IsFilled && member.Catalog.TryApply(from, to, changes, _effects))
            {
                Applied(member);
            }
            else
            {
                isStale = AskForSnapshot(member);
            }
        }

        if (isStale)
        {
            member.Peer.PostAlone(member.Peer.Begin(ClusterFrameKind.SnapshotRequest, 0).Build());
        }
    }

    private void Snapshot(Peer sender, ref ClusterFrameReader reader)
    {
        var version = reader.ReadUInt64();
        var others = new string[reader.ReadUInt32()];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = reader.ReadString();
        }

        var entries = new CatalogChange[reader.ReadUInt32()];
        for (var i = 0; i < entries.Length; i++)
        {
            entries[i] = CatalogChange.Read(ref reader);
        }

        if (Heard(sender) is not { } member)
        {
            return;
        }

        lock (_lock)
        {
            if (member.IsGone)
            {
                return;
            }

            if (!member.IsFilled)
            {
                // Before its first snapshot a newcomer waits for those, too, whom this one knows.
                foreach (var other in others)
                {
                    if (other != _self && !_members.ContainsKey(other) && !_departed.ContainsKey(other))
                    {
                        _awaited.Add(other);
                    }
                }
            }

            member.IsFilled = true;
            member.SnapshotRequested = null;
            _awaited.Remove(member.Id);
            member.Catalog.Replace(version, entries, _effects);
            Applied(member);
            if (_filled is not null && IsFilled())
            {
                _filled.TrySetResult();
                _filled = null;
            }
        }
    }

    /// <summary>Notes that a snapshot is asked for; false when that has just been done.</summary>
    private bool AskForSnapshot(Member member)
    {
        if (member.SnapshotRequested is not null || member.IsGone)
        {
            return false;
        }

        member.SnapshotRequested = _time.GetTimestamp();
        return true;
    }

    private void Applied(Member member)
    {
        if (_effects.Count > 0)
        {
            try
            {
                _observer.Apply(member, _effects);
            }
            finally
            {
                _effects.Clear();
            }
        }
    }

    /// <summary>A peer lives; if it is new, it is a member from now on.</summary>
    /// <returns>Null for one that has said goodbye: what still comes of it is late.</returns>
    private Member? Heard(Peer sender)
    {
        lock (_lock)
        {
            if (_departed.ContainsKey(sender.Id))
            {
                return null;
            }

            var now = _time.GetTimestamp();
            if (!_members.TryGetValue(sender.Id, out var member))
            {
                member = new Member(sender, now);
                _members[sender.Id] = member;
                _logger.MemberJoined(member.Id);
            }

            member.LastHeard = now;
            return member;
        }
    }

    private void Departed(Peer sender)
    {
        lock (_lock)
        {
            _departed[sender.Id] = _time.GetTimestamp();
            _awaited.Remove(sender.Id);
        }

        if (_members.TryGetValue(sender.Id, out var member))
        {
            // It still works on what it has, and answers.
            member.IsLeaving = true;
            _finishing[member] = 0;
            Forget(member, "it said goodbye");
        }
    }

    /// <summary>Removes a member that can answer no more, and gives up what it worked on.</summary>
    private void Remove(Member member, string reason)
    {
        if (Forget(member, reason) || _finishing.TryRemove(member, out _))
        {
            member.Peer.Outgoing.BreakAll();
            _observer.Unreachable(member, "the instance that worked on it is gone");
        }
    }

    private bool Forget(Member member, string reason)
    {
        lock (_lock)
        {
            if (member.IsGone)
            {
                return false;
            }

            member.IsGone = true;
            _members.TryRemove(member.Id, out _);
            member.Catalog.Clear(_effects);
            Applied(member);
            if (_filled is not null && IsFilled())
            {
                _filled.TrySetResult();
                _filled = null;
            }
        }

        _logger.MemberLeft(member.Id, reason);
        return true;
    }
}
