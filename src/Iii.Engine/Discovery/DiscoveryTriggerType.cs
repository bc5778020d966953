using System.Collections.Immutable;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;

namespace Iii.Engine.Discovery;

/// <summary>A trigger type without config of its own whose triggers all fire together, with one payload: the discovery events.</summary>
internal sealed class DiscoveryTriggerType(FunctionInvoker invoker) : ITriggerType
{
    private ImmutableArray<Trigger> _triggers = [];

    public bool HasTriggers => !_triggers.IsEmpty;

    public string? Add(Trigger trigger)
    {
        ImmutableInterlocked.Update(ref _triggers, static (all, added) => all.Add(added), trigger);
        return null;
    }

    public void Remove(Trigger trigger) => ImmutableInterlocked.Update(ref _triggers, static (all, gone) => all.Remove(gone), trigger);

    /// <summary>Calls the function of every trigger; results are discarded.</summary>
    public void Fire(ReadOnlyMemory<byte> payload)
    {
        foreach (var trigger in _triggers)
        {
            invoker.Fire(trigger, payload);
        }
    }
}
