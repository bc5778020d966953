using System.Collections.Concurrent;
using Iii.Protocol;
using Iii.Sdk.Connection;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Triggers;

/// <summary>The trigger types of this worker, and the triggers that the engine has told it of.</summary>
internal sealed class TriggerTypeTable(EngineConnection connection)
{
    private readonly ConcurrentDictionary<string, TriggerType> _types = new();
    private readonly ConcurrentDictionary<string, TriggerRequest> _triggers = new();

    public bool TryAdd(TriggerType type)
    {
        if (!_types.TryAdd(type.Id, type))
        {
            return false;
        }

        type.Start();
        return true;
    }

    public void Remove(string id)
    {
        if (_types.TryRemove(id, out var type))
        {
            type.Stop();
        }
    }

    public void Clear()
    {
        foreach (var id in _types.Keys)
        {
            Remove(id);
        }
    }

    /// <summary>The engine wants a trigger of one of these types.</summary>
    public void Register(in Envelope envelope)
    {
        var trigger = new TriggerRequest
        {
            Id = envelope.Id.GetString() ?? string.Empty,
            TriggerType = envelope.TriggerType.GetString() ?? string.Empty,
            FunctionId = envelope.FunctionId.GetString() ?? string.Empty,
            Config = envelope.Config.IsPresent ? envelope.Config.Raw.ToArray() : "null"u8.ToArray(),
        };
        if (_types.TryGetValue(trigger.TriggerType, out var type))
        {
            _triggers[trigger.Id] = trigger;
            type.Change(trigger, isWanted: true);
            return;
        }

        using var message = MessageWriter.Rent();
        Messages.TriggerResult(
            message, trigger.Id, trigger.TriggerType, trigger.FunctionId, "trigger_type_not_found",
            $"This worker does not provide the trigger type {trigger.TriggerType}");
        connection.Send(message.Span);
    }

    /// <summary>The engine wants a trigger no longer.</summary>
    public void Unregister(in Envelope envelope)
    {
        if (envelope.Id.GetString() is { } id && _triggers.TryRemove(id, out var trigger) && _types.TryGetValue(trigger.TriggerType, out var type))
        {
            type.Change(trigger, isWanted: false);
        }
    }
}
