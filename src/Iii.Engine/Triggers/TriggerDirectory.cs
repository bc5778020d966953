using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Triggers;

/// <summary>
/// Which triggers there are, who owns them, and which types serve them. Triggers whose type nobody provides wait for it.
/// </summary>
internal sealed class TriggerDirectory(ILogger<TriggerDirectory> logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ITriggerType> _engineTypes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<WorkerTriggerType>> _workerTypes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Trigger> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Registration> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<ITriggerRegistrant, HashSet<string>> _idsOf = new(ReferenceEqualityComparer.Instance);

    /// <summary>Adds a type that the engine serves itself. Workers cannot take it over.</summary>
    public void AddType(string id, ITriggerType type)
    {
        lock (_lock)
        {
            _engineTypes.Add(id, type);
            Activate(id, type);
        }
    }

    /// <summary>A worker provides a type from now on; it gets every trigger of that type, those that waited included.</summary>
    /// <returns>False when the type is the engine's own.</returns>
    public bool RegisterType(string id, ITriggerRegistrant provider)
    {
        lock (_lock)
        {
            if (_engineTypes.ContainsKey(id))
            {
                return false;
            }

            var providers = ProvidersOf(id);
            providers.RemoveAll(type => ReferenceEquals(type.Provider, provider));
            var added = new WorkerTriggerType(id, provider);
            providers.Add(added);
            Activate(id, added);
            return true;
        }
    }

    /// <summary>A worker provides a type no longer; an earlier provider that is still there takes over, else its triggers wait.</summary>
    public void UnregisterType(string id, ITriggerRegistrant provider)
    {
        lock (_lock)
        {
            RemoveProvider(id, provider);
        }
    }

    /// <summary>
    /// A worker wants a trigger. An id that is known moves to the worker that named it last: ids are drawn at random by each
    /// process, so this is one process that has connected anew.
    /// </summary>
    /// <returns>Null, or why the trigger is not registered.</returns>
    public string? Register(
        string id, string type, string functionId, ReadOnlyMemory<byte> config, byte[]? metadata, ITriggerRegistrant owner)
    {
        var key = $"{type}\n{functionId}\n{CanonicalJson.Of(config)}";
        lock (_lock)
        {
            _byId.TryGetValue(id, out var previous);
            if (!_byKey.TryGetValue(key, out var trigger))
            {
                trigger = new Trigger(id, type, functionId, config.ToArray(), metadata, key);
                if (ServingType(type) is { } serving)
                {
                    if (serving.Add(trigger) is { } problem)
                    {
                        return problem;
                    }

                    trigger.IsActive = true;
                }
                else
                {
                    logger.TriggerWaits(id, type, functionId);
                }

                _byKey.Add(key, trigger);
            }

            trigger.SetOwner(id, owner);
            _byId[id] = new Registration(trigger, owner);
            IdsOf(owner).Add(id);
            if (previous is not null)
            {
                if (!ReferenceEquals(previous.Owner, owner))
                {
                    Forget(previous.Owner, id);
                }

                if (!ReferenceEquals(previous.Trigger, trigger))
                {
                    RemoveOwner(previous.Trigger, id);
                }
            }

            return null;
        }
    }

    /// <summary>A worker wants its trigger no longer. An id that it does not own is left alone.</summary>
    public void Unregister(string id, ITriggerRegistrant owner)
    {
        lock (_lock)
        {
            if (_byId.TryGetValue(id, out var registration) && ReferenceEquals(registration.Owner, owner))
            {
                Remove(id, registration);
            }
        }
    }

    /// <summary>How many triggers a worker holds.</summary>
    public int CountOf(ITriggerRegistrant owner)
    {
        lock (_lock)
        {
            return _idsOf.TryGetValue(owner, out var ids) ? ids.Count : 0;
        }
    }

    /// <summary>Removes all that a worker registered and still owns.</summary>
    public void RemoveOwner(ITriggerRegistrant owner)
    {
        lock (_lock)
        {
            if (_idsOf.TryGetValue(owner, out var ids))
            {
                foreach (var id in ids.ToArray())
                {
                    Remove(id, _byId[id]);
                }
            }

            foreach (var type in _workerTypes.Keys.ToArray())
            {
                RemoveProvider(type, owner);
            }
        }
    }

    /// <summary>
    /// The provider of a type says what became of a trigger: the registrants are told, and a trigger that failed is removed.
    /// </summary>
    public void Report(string id, ITriggerRegistrant provider, ReadOnlySpan<byte> errorJson)
    {
        lock (_lock)
        {
            var trigger = _byId.TryGetValue(id, out var registration) && registration.Trigger.Id == id
                ? registration.Trigger
                : _byKey.Values.FirstOrDefault(candidate => candidate.Id == id);
            if (trigger is null || ServingType(trigger.Type) is not WorkerTriggerType serving
                || !ReferenceEquals(serving.Provider, provider))
            {
                return;
            }

            foreach (var (registrationId, owner) in trigger.Owners)
            {
                owner.Send(Frames.TriggerRegistrationResult(registrationId, trigger.Type, trigger.FunctionId, errorJson));
            }

            if (!errorJson.IsEmpty)
            {
                logger.TriggerRefused(id, trigger.Type, trigger.FunctionId, ErrorBody.Read(errorJson).Message);
                trigger.IsActive = false;
                foreach (var registrationId in trigger.Owners.Keys.ToArray())
                {
                    Remove(registrationId, _byId[registrationId]);
                }
            }
        }
    }

    /// <summary>All triggers, as they stand now.</summary>
    public TriggerRow[] List()
    {
        lock (_lock)
        {
            return [.. _byKey.Values.Select(static trigger => new TriggerRow(
                trigger,
                trigger.IsActive,
                [.. trigger.Owners.Keys],
                [.. trigger.Owners.Values.Select(static owner => owner.WorkerId)]))];
        }
    }

    private ITriggerType? ServingType(string id) =>
        _engineTypes.TryGetValue(id, out var engineType) ? engineType
            : _workerTypes.TryGetValue(id, out var providers) && providers.Count > 0 ? providers[^1]
            : null;

    private void Activate(string typeId, ITriggerType type)
    {
        foreach (var trigger in _byKey.Values.Where(trigger => trigger.Type == typeId).ToArray())
        {
            var problem = type.Add(trigger);
            trigger.IsActive = problem is null;
            if (problem is not null)
            {
                logger.TriggerRefused(trigger.Id, typeId, trigger.FunctionId, problem);
            }
        }
    }

    private void RemoveProvider(string typeId, ITriggerRegistrant provider)
    {
        if (!_workerTypes.TryGetValue(typeId, out var providers))
        {
            return;
        }

        var wasServing = providers.Count > 0 && ReferenceEquals(providers[^1].Provider, provider);
        providers.RemoveAll(type => ReferenceEquals(type.Provider, provider));
        if (wasServing && providers.Count > 0)
        {
            Activate(typeId, providers[^1]);
        }
        else if (providers.Count == 0)
        {
            _workerTypes.Remove(typeId);
            foreach (var trigger in _byKey.Values.Where(trigger => trigger.Type == typeId))
            {
                trigger.IsActive = false;
            }
        }
    }

    private void Remove(string id, Registration registration)
    {
        _byId.Remove(id);
        Forget(registration.Owner, id);
        RemoveOwner(registration.Trigger, id);
    }

    private void RemoveOwner(Trigger trigger, string registrationId)
    {
        trigger.RemoveOwner(registrationId);
        if (trigger.Owners.Count > 0)
        {
            return;
        }

        _byKey.Remove(trigger.Key);
        if (trigger.IsActive)
        {
            trigger.IsActive = false;
            ServingType(trigger.Type)?.Remove(trigger);
        }
    }

    private void Forget(ITriggerRegistrant owner, string id)
    {
        if (_idsOf.TryGetValue(owner, out var ids) && ids.Remove(id) && ids.Count == 0)
        {
            _idsOf.Remove(owner);
        }
    }

    private HashSet<string> IdsOf(ITriggerRegistrant owner)
    {
        if (!_idsOf.TryGetValue(owner, out var ids))
        {
            _idsOf.Add(owner, ids = new HashSet<string>(StringComparer.Ordinal));
        }

        return ids;
    }

    private List<WorkerTriggerType> ProvidersOf(string typeId)
    {
        if (!_workerTypes.TryGetValue(typeId, out var providers))
        {
            _workerTypes.Add(typeId, providers = []);
        }

        return providers;
    }

    private sealed record Registration(Trigger Trigger, ITriggerRegistrant Owner);
}
