using System.Text.Json;
using Iii.Engine.Discovery;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// What the other engine is told: the triggers of this one, and the functions that they call, those for as long as a worker of this
/// instance provides them. Without one the other engine keeps the jobs.
/// </summary>
internal sealed class BridgedSubscriptions : IDisposable
{
    /// <summary>What the ids of this engine's functions begin with over there.</summary>
    public const string FunctionPrefix = "queue::bridge::";

    private readonly Lock _lock = new();
    private readonly FunctionDirectory _functions;
    private readonly Dictionary<Trigger, BridgedTrigger> _triggers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> _uses = new(StringComparer.Ordinal);
    private readonly HashSet<string> _offered = new(StringComparer.Ordinal);

    // Instances of one cluster serve the same triggers, each under an id of its own.
    private readonly string _triggerPrefix = $"{FunctionPrefix}{Guid.NewGuid():N}::";
    private BridgeLink? _link;
    private bool _isStopping;

    public BridgedSubscriptions(FunctionDirectory functions)
    {
        _functions = functions;
        functions.Registered += OnRegistered;
        functions.Unregistered += OnUnregistered;
    }

    /// <summary>Tells it all over a new connection.</summary>
    public void Introduce(BridgeLink link)
    {
        lock (_lock)
        {
            _link = link;
            _offered.Clear();
            foreach (var functionId in _uses.Keys)
            {
                Update(functionId);
            }

            foreach (var (trigger, bridged) in _triggers)
            {
                Register(trigger, bridged);
            }
        }
    }

    /// <summary>A trigger subscribes its function to a topic.</summary>
    public void Add(Trigger trigger)
    {
        var condition = TriggerConfig.ConditionFunctionId(trigger.Config);
        var bridged = new BridgedTrigger(condition, ConfigOf(trigger, condition));
        lock (_lock)
        {
            _triggers.Add(trigger, bridged);
            Use(trigger.FunctionId);
            Use(condition);
            Register(trigger, bridged);
        }
    }

    /// <summary>A trigger is gone.</summary>
    public void Remove(Trigger trigger)
    {
        lock (_lock)
        {
            if (_triggers.Remove(trigger, out var bridged))
            {
                _link?.Send(Frames.UnregisterTrigger(_triggerPrefix + trigger.Id, trigger.Type, FunctionPrefix + trigger.FunctionId));
                Release(trigger.FunctionId);
                Release(bridged.ConditionFunctionId);
            }
        }
    }

    /// <summary>The function of this engine that the other one calls by that id; null for one that no trigger needs.</summary>
    public string? FindLocal(string remoteId)
    {
        lock (_lock)
        {
            return remoteId.StartsWith(FunctionPrefix, StringComparison.Ordinal) && _uses.ContainsKey(remoteId[FunctionPrefix.Length..])
                ? remoteId[FunctionPrefix.Length..]
                : null;
        }
    }

    /// <summary>Offers no functions any more, so that no more jobs come.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopping = true;
            foreach (var functionId in _uses.Keys)
            {
                Update(functionId);
            }
        }
    }

    public void Dispose()
    {
        _functions.Registered -= OnRegistered;
        _functions.Unregistered -= OnUnregistered;
    }

    /// <summary>The config for the other engine: what it calls is known there by other ids.</summary>
    private static byte[] ConfigOf(Trigger trigger, string? condition)
    {
        using var config = JsonDocument.Parse(trigger.Config, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth });
        return EngineFunctions.Write(writer =>
        {
            writer.WriteStartObject();
            foreach (var member in config.RootElement.EnumerateObject())
            {
                if (member.Name is not ("condition_function_id" or "_condition_path"))
                {
                    member.WriteTo(writer);
                }
            }

            if (condition is not null)
            {
                writer.WriteString("condition_function_id", FunctionPrefix + condition);
            }

            writer.WriteEndObject();
        }).ToArray();
    }

    private void OnRegistered(FunctionRegistration registration) => OnChanged(registration.FunctionId);

    private void OnUnregistered(string functionId, object owner) => OnChanged(functionId);

    private void OnChanged(string functionId)
    {
        lock (_lock)
        {
            if (_uses.ContainsKey(functionId))
            {
                Update(functionId);
            }
        }
    }

    private void Use(string? functionId)
    {
        if (functionId is not null)
        {
            _uses[functionId] = _uses.GetValueOrDefault(functionId) + 1;
            Update(functionId);
        }
    }

    private void Release(string? functionId)
    {
        if (functionId is not null && --_uses[functionId] == 0)
        {
            _uses.Remove(functionId);
            Update(functionId);
        }
    }

    /// <summary>Offers a function, or does so no longer, where that has changed.</summary>
    private void Update(string functionId)
    {
        var isWanted = !_isStopping && _uses.ContainsKey(functionId) && _functions.Find(functionId)?.Providers.LocalCount > 0;
        if (_link is null || (isWanted ? !_offered.Add(functionId) : !_offered.Remove(functionId)))
        {
            return;
        }

        var remoteId = FunctionPrefix + functionId;
        _link.Send(isWanted ? BridgeFrames.RegisterFunction(remoteId) : BridgeFrames.UnregisterFunction(remoteId));
    }

    private void Register(Trigger trigger, BridgedTrigger bridged) => _link?.Send(Frames.RegisterTrigger(
        _triggerPrefix + trigger.Id, trigger.Type, FunctionPrefix + trigger.FunctionId, bridged.Config, default));

    private sealed record BridgedTrigger(string? ConditionFunctionId, byte[] Config);
}
