using Iii.Broker;
using Iii.Engine.Cluster.Membership;

namespace Iii.Engine.Tests.Cluster;

/// <summary>A network of one thread, in which every fault is drawn from a seed: frames are lost, doubled, late, and overtake each other.</summary>
internal sealed class SimulatedNetwork(Random random)
{
    private readonly PriorityQueue<(SimulatedInstance Target, byte[] Frame), (long Due, long Order)> _frames = new();
    private readonly List<SimulatedInstance> _instances = [];
    private long _order;

    /// <summary>The time in milliseconds.</summary>
    public long Now { get; set; }

    /// <summary>Whether there are faults; without them every frame arrives at the next step, in order.</summary>
    public bool IsFaulty { get; set; }

    /// <summary>The instances that cannot be reached from outside of this set, nor reach anybody there.</summary>
    public HashSet<SimulatedInstance> Island { get; } = [];

    public void Connect(SimulatedInstance instance) => _instances.Add(instance);

    public void Disconnect(SimulatedInstance instance) => _instances.Remove(instance);

    public PublishOutcome Publish(SimulatedInstance source, string subject, ReadOnlySpan<byte> frame)
    {
        var outcome = PublishOutcome.NobodyListens;
        foreach (var target in _instances)
        {
            if (subject == ClusterSubjects.Members(SimulatedInstance.Cluster) || subject == ClusterSubjects.Inbox(SimulatedInstance.Cluster, target.Id))
            {
                outcome = PublishOutcome.Sent;
                Send(source, target, frame.ToArray());
            }
        }

        return outcome;
    }

    /// <summary>Delivers what is due.</summary>
    public void Deliver()
    {
        while (_frames.TryPeek(out var next, out var due) && due.Due <= Now)
        {
            _frames.Dequeue();
            if (_instances.Contains(next.Target))
            {
                next.Target.Receive(next.Frame);
            }
        }
    }

    private void Send(SimulatedInstance source, SimulatedInstance target, byte[] frame)
    {
        if (Island.Contains(source) != Island.Contains(target))
        {
            return;
        }

        var copies = !IsFaulty ? 1 : random.Next(100) switch { < 10 => 0, < 15 => 2, _ => 1 };
        for (var i = 0; i < copies; i++)
        {
            _frames.Enqueue((target, frame), (Now + (IsFaulty ? random.Next(300) : 0), _order++));
        }
    }
}
