using System.Collections.Concurrent;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>A worker that is connected to another instance.</summary>
internal sealed class RemoteWorker(Member member, string id) : ITriggerRegistrant
{
    private readonly ConcurrentDictionary<string, byte> _functions = new(StringComparer.Ordinal);

    public Member Member => member;

    public string WorkerId => id;

    public bool IsRemote => true;

    /// <summary>As the caller of an invocation.</summary>
    public WorkerIdentity? Identity { get; } = Guid.TryParse(id, out var guid) ? new WorkerIdentity(guid) : null;

    /// <summary>What it says about itself; null as long as it has not shown itself to be a worker.</summary>
    public WorkerEntry? Entry { get; set; }

    /// <summary>The ids of the functions that it provides.</summary>
    public ConcurrentDictionary<string, byte> Functions => _functions;

    /// <summary>How many entries of the catalog are about it; only to be touched under the membership's lock.</summary>
    public int Entries { get; set; }

    /// <summary>What lists say of it; null as long as it is not to be listed.</summary>
    public WorkerRow? Row => Entry is { } entry
        ? new WorkerRow(id, entry.Metadata, entry.RemoteAddress, entry.ConnectedAtMs, [.. _functions.Keys], 0, member.Id)
        : null;

    public void Send(Frame frame) => throw new InvalidOperationException("a worker of another instance is told by that instance");

    public void Forward(string registrationId, ReadOnlySpan<byte> errorJson)
    {
        var frame = member.Peer.Begin(ClusterFrameKind.TriggerReport, (registrationId.Length * 3) + errorJson.Length + 8);
        frame.AppendString(registrationId);
        frame.AppendBlob(errorJson);
        member.Peer.Post(frame.Build());
    }
}
