using System.Collections.Concurrent;
using Iii.Engine.Channels;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Cluster.Wire;

namespace Iii.Engine.Cluster.Relays;

/// <summary>
/// Channels whose socket came to another instance than the one that owns them, as it does behind a load balancer. The socket's instance
/// makes a stand-in for the channel, and the two are kept alike over the bus: in order, with boundaries and back-pressure.
/// </summary>
internal sealed class ChannelRelays(PeerTable peers, ChannelDirectory channels, int maxMessageBytes, TimeProvider time)
{
    private static readonly TimeSpan ClaimPatience = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<ClaimOutcome>> _claims = new();
    private readonly ConcurrentDictionary<(string Peer, Guid Id), IRelay> _relays = new();

    /// <summary>The instances that channels go on at.</summary>
    public IEnumerable<Peer> Peers => _relays.Select(static entry => entry.Value.Peer).Distinct();

    /// <summary>Claims an end of a channel that another instance owns, for a socket here.</summary>
    /// <returns>The stand-in, when the end is claimed. Whoever serves the socket uses it like a channel of this instance.</returns>
    public async Task<(ClaimOutcome Outcome, MessageChannel? StandIn)> ClaimAsync(
        string instance, string channelId, string key, ChannelDirection direction)
    {
        if (peers.Get(instance) is not { } peer)
        {
            return (ClaimOutcome.NotFound, null);
        }

        var id = Guid.NewGuid();
        var claim = new TaskCompletionSource<ClaimOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var standIn = channels.CreateStandIn();
        IRelay relay = direction == ChannelDirection.Write
            ? new RelaySender(id, peer, standIn, time)
            : new RelayReceiver(id, peer, standIn, maxMessageBytes);

        // There before the claim leaves: the first data may come right behind the answer.
        _claims[id] = claim;
        _relays[(peer.Id, id)] = relay;
        var outcome = await AskAsync(peer, id, claim, channelId, key, direction);
        _claims.TryRemove(id, out _);
        if (outcome != ClaimOutcome.Claimed)
        {
            _relays.TryRemove((peer.Id, id), out _);
            return (outcome, null);
        }

        _ = RunAsync(relay);
        return (outcome, standIn);
    }

    /// <summary>Takes one frame about channels.</summary>
    /// <exception cref="FormatException">The frame is not what it says it is.</exception>
    public void Handle(ClusterFrameKind kind, Peer sender, ClusterFrameReader reader)
    {
        var id = reader.ReadGuid();
        if (kind == ClusterFrameKind.ChannelClaim)
        {
            Claim(sender, id, ref reader);
            return;
        }

        if (kind == ClusterFrameKind.ChannelClaimed)
        {
            if (_claims.TryGetValue(id, out var claim))
            {
                claim.TrySetResult((ClaimOutcome)reader.ReadByte());
            }

            return;
        }

        switch (_relays.GetValueOrDefault((sender.Id, id)), kind)
        {
            case (RelayReceiver receiver, ClusterFrameKind.ChannelData):
                receiver.Data(ref reader);
                break;
            case (RelayReceiver receiver, ClusterFrameKind.ChannelEnd):
                receiver.End((ChannelEnding)reader.ReadByte());
                break;
            case (RelaySender relay, ClusterFrameKind.ChannelCredit):
                relay.Taken((long)reader.ReadUInt64());
                break;
            case (RelaySender relay, ClusterFrameKind.ChannelReaderGone):
                relay.Break();
                break;
            default:
                // The relay has ended, and this was on its way.
                break;
        }
    }

    /// <summary>An instance is lost, or may have lost something: what goes on there ends as lost.</summary>
    public void Break(Peer peer)
    {
        foreach (var ((peerId, _), relay) in _relays)
        {
            if (peerId == peer.Id)
            {
                relay.Break();
            }
        }
    }

    /// <summary>The bus is lost: so is whatever goes on elsewhere.</summary>
    public void BreakAll()
    {
        foreach (var (_, relay) in _relays)
        {
            relay.Break();
        }
    }

    private async Task<ClaimOutcome> AskAsync(
        Peer peer, Guid id, TaskCompletionSource<ClaimOutcome> claim, string channelId, string key, ChannelDirection direction)
    {
        var frame = peer.Begin(ClusterFrameKind.ChannelClaim, 256);
        frame.AppendGuid(id);
        frame.AppendOptional(channelId);
        frame.AppendOptional(key);
        frame.AppendByte((byte)direction);
        var asking = frame.Build();
        var sent = await peer.SendAsync(asking.Memory);
        asking.Return();
        if (sent != SendOutcome.Sent)
        {
            return ClaimOutcome.NotFound;
        }

        try
        {
            return await claim.Task.WaitAsync(ClaimPatience, time);
        }
        catch (TimeoutException)
        {
            return ClaimOutcome.NotFound;
        }
    }

    /// <summary>A socket elsewhere wants an end of a channel of this instance.</summary>
    private void Claim(Peer sender, Guid id, ref ClusterFrameReader reader)
    {
        var channelId = reader.ReadOptionalString();
        var key = reader.ReadOptionalString();
        var direction = (ChannelDirection)reader.ReadByte();
        var channel = channels.Find(channelId, key, direction);
        var outcome = channel is null ? ClaimOutcome.NotFound : channel.TryClaim(direction) ? ClaimOutcome.Claimed : ClaimOutcome.Taken;
        if (outcome == ClaimOutcome.Claimed)
        {
            IRelay relay = direction == ChannelDirection.Write
                ? new RelayReceiver(id, sender, channel!, maxMessageBytes)
                : new RelaySender(id, sender, channel!, time);
            _relays[(sender.Id, id)] = relay;
            Answer(sender, id, outcome);
            _ = RunAsync(relay);
        }
        else
        {
            Answer(sender, id, outcome);
        }
    }

    private static void Answer(Peer sender, Guid id, ClaimOutcome outcome)
    {
        var frame = sender.Begin(ClusterFrameKind.ChannelClaimed, 24);
        frame.AppendGuid(id);
        frame.AppendByte((byte)outcome);
        sender.Post(frame.Build(), isAnswer: true);
    }

    private async Task RunAsync(IRelay relay)
    {
        try
        {
            await Task.Yield();
            await (relay is RelaySender sender ? sender.RunAsync() : ((RelayReceiver)relay).RunAsync());
        }
        finally
        {
            _relays.TryRemove((relay.Peer.Id, relay.Id), out _);
        }
    }
}
