using Iii.Engine.Configuration;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Triggers;

/// <summary>
/// Which triggers there are, who owns them, and which types serve them. Triggers whose type nobody provides wait for it.
/// </summary>
internal sealed class TriggerDirectory(ILogger<TriggerDirectory> logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (ITriggerType Type, TriggerTypeDetails Details)> _engineTypes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<WorkerTriggerType>> _workerTypes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Trigger> _byKey = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Trigger> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<Trigger>> _byType = new(StringComparer.Ordinal);
    private readonly Dictionary<TriggerRegistrationKey, Registration> _registrations = [];
    private readonly Dictionary<ITriggerRegistrant, Holdings> _holdings = new(ReferenceEqualityComparer.Instance);
    private long _lastStamp;

    /// <summary>Learns of what workers connected here register; set before the first of them comes.</summary>
    public ITriggerObserver? Observer { get; set; }

    /// <summary>Adds a type that the engine serves itself. Workers cannot take it over.</summary>
    public void AddType(string id, string description, ITriggerType type)
    {
        lock (_lock)
        {
            _engineTypes.Add(id, (type, new TriggerTypeDetails(description)));
            Activate(id, type);
        }
    }

    /// <summary>A worker provides a type from now on; it gets every trigger of that type, those that waited included.</summary>
    /// <returns>Null, or why the type is not registered.</returns>
    public string? RegisterType(string id, TriggerTypeDetails details, ITriggerRegistrant provider, int limit)
    {
        lock (_lock)
        {
            if (_engineTypes.ContainsKey(id))
            {
                return "the engine serves it itself";
            }

            var types = HoldingsOf(provider).Types;
            if (types.Count >= limit && !types.Contains(id))
            {
                return $"a worker may register at most {limit} trigger types";
            }

            var stamp = new TypeStamp(_lastStamp + 1, provider.WorkerId);
            AddType(id, details, stamp, provider);
            Observer?.TypeRegistered(id, details, stamp, provider);
            return null;
        }
    }

    /// <summary>A worker of another instance provides a type.</summary>
    public void CopyType(string id, TriggerTypeDetails details, TypeStamp stamp, ITriggerRegistrant provider)
    {
        lock (_lock)
        {
            if (!_engineTypes.ContainsKey(id))
            {
                AddType(id, details, stamp, provider);
            }
        }
    }

    /// <summary>A worker provides a type no longer; an earlier provider that is still there takes over, else its triggers wait.</summary>
    public void UnregisterType(string id, ITriggerRegistrant provider)
    {
        lock (_lock)
        {
            if (_holdings.TryGetValue(provider, out var holdings) && holdings.Types.Remove(id))
            {
                RemoveProvider(id, provider);
                Forget(provider, holdings);
            }
        }
    }

    /// <summary>
    /// A worker wants a trigger. An id that is known moves to the worker that named it last: ids are drawn at random by each
    /// process, so this is one process that has connected anew. What the id stood for before is gone, also when the trigger
    /// is refused: a registration that failed leaves nothing active.
    /// </summary>
    /// <returns>Null, or why the trigger is not registered.</returns>
    public string? Register(
        string id, string type, string functionId, byte[] config, byte[]? metadata, ITriggerRegistrant owner, int limit)
    {
        var key = $"{type}\n{functionId}\n{CanonicalJson.Of(config)}";
        var registrationKey = TriggerRegistrationKey.Of(id, owner);
        lock (_lock)
        {
            _registrations.TryGetValue(registrationKey, out var previous);
            if (previous is null && _holdings.TryGetValue(owner, out var holdings) && holdings.Triggers.Count >= limit)
            {
                return $"a worker may register at most {limit} triggers";
            }

            string? problem = null;
            if (!_byKey.TryGetValue(key, out var trigger))
            {
                // An id can outlive what it stood for with its first owner, and two triggers must not share one.
                var triggerId = _byId.ContainsKey(id) ? Guid.NewGuid().ToString() : id;
                trigger = new Trigger(triggerId, type, functionId, config, metadata, key);
                problem = Start(trigger);
            }

            if (problem is null)
            {
                trigger.SetOwner(registrationKey, owner);
                _registrations[registrationKey] = new Registration(trigger, owner);
            }

            if (previous is not null && (problem is not null || !ReferenceEquals(previous.Trigger, trigger)))
            {
                RemoveOwner(previous.Trigger, registrationKey);
            }

            if (previous is not null && (problem is not null || !ReferenceEquals(previous.Owner, owner)))
            {
                Forget(previous.Owner, registrationKey);
            }

            if (problem is null)
            {
                HoldingsOf(owner).Triggers.Add(registrationKey);
                if (!owner.IsRemote)
                {
                    Observer?.TriggerRegistered(id, trigger, owner);
                }
            }
            else if (previous is not null)
            {
                _registrations.Remove(registrationKey);
            }

            return problem;
        }
    }

    /// <summary>A worker wants its trigger no longer. An id that it does not own is left alone.</summary>
    public void Unregister(string id, ITriggerRegistrant owner)
    {
        lock (_lock)
        {
            var key = TriggerRegistrationKey.Of(id, owner);
            if (_registrations.TryGetValue(key, out var registration) && ReferenceEquals(registration.Owner, owner))
            {
                Remove(key, registration);
            }
        }
    }

    /// <summary>Removes all that a worker registered and still owns.</summary>
    public void RemoveOwner(ITriggerRegistrant owner)
    {
        lock (_lock)
        {
            if (!_holdings.TryGetValue(owner, out var holdings))
            {
                return;
            }

            foreach (var key in holdings.Triggers.ToArray())
            {
                Remove(key, _registrations[key]);
            }

            foreach (var type in holdings.Types)
            {
                RemoveProvider(type, owner);
            }

            _holdings.Remove(owner);
        }
    }

    /// <summary>
    /// The provider of a type says what became of a trigger: the registrants are told, and a trigger that failed is removed.
    /// </summary>
    public void Report(string id, ITriggerRegistrant provider, ReadOnlySpan<byte> errorJson)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out var trigger) || ServingType(trigger.Type) is not WorkerTriggerType serving
                || !ReferenceEquals(serving.Provider, provider))
            {
                return;
            }

            if (!errorJson.IsEmpty)
            {
                logger.TriggerRefused(id, trigger.Type, trigger.FunctionId, ErrorBody.Read(errorJson).Message);
                trigger.IsActive = false;
            }

            foreach (var (key, owner) in trigger.Owners.ToArray())
            {
                if (owner.IsRemote)
                {
                    owner.Forward(key.Id, errorJson);
                }
                else
                {
                    Told(key, trigger, owner, errorJson);
                }
            }
        }
    }

    /// <summary>The provider of a type, on another instance, says what became of the registration of a worker connected here.</summary>
    public void ReportHere(string registrationId, ReadOnlySpan<byte> errorJson)
    {
        lock (_lock)
        {
            var key = new TriggerRegistrationKey(registrationId, RemoteWorkerId: null);
            if (_registrations.TryGetValue(key, out var registration))
            {
                Told(key, registration.Trigger, registration.Owner, errorJson);
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
                [.. trigger.Owners.Keys.Select(static key => key.Id)],
                [.. trigger.Owners.Values.Select(static owner => owner.WorkerId)]))];
        }
    }

    /// <summary>All trigger types that somebody provides, as they stand now.</summary>
    public TriggerTypeRow[] ListTypes()
    {
        lock (_lock)
        {
            return
            [
                .. _engineTypes.Select(static entry => new TriggerTypeRow(entry.Key, entry.Value.Details, WorkerId: null)),
                .. _workerTypes.Where(static entry => entry.Value.Count > 0).Select(static entry => new TriggerTypeRow(
                    entry.Key, entry.Value[^1].Details, entry.Value[^1].Provider.WorkerId)),
            ];
        }
    }

    private void AddType(string id, TriggerTypeDetails details, TypeStamp stamp, ITriggerRegistrant provider)
    {
        _lastStamp = Math.Max(_lastStamp, stamp.Counter);
        HoldingsOf(provider).Types.Add(id);
        var providers = ProvidersOf(id);
        providers.RemoveAll(type => ReferenceEquals(type.Provider, provider));
        var added = new WorkerTriggerType(id, details, provider, stamp);
        providers.Add(added);

        // The newest serves, and all instances agree on which one that is.
        providers.Sort(static (one, other) => one.Stamp.CompareTo(other.Stamp));
        if (ReferenceEquals(providers[^1], added))
        {
            Activate(id, added);
        }
    }

    /// <summary>Tells a worker what became of its trigger; one that failed is removed.</summary>
    private void Told(TriggerRegistrationKey key, Trigger trigger, ITriggerRegistrant owner, ReadOnlySpan<byte> errorJson)
    {
        owner.Send(Frames.TriggerRegistrationResult(key.Id, trigger.Type, trigger.FunctionId, errorJson));
        if (!errorJson.IsEmpty)
        {
            Remove(key, _registrations[key]);
        }
    }

    private ITriggerType? ServingType(string id) =>
        _engineTypes.TryGetValue(id, out var engineType) ? engineType.Type
            : _workerTypes.TryGetValue(id, out var providers) && providers.Count > 0 ? providers[^1]
            : null;

    /// <summary>Has the trigger served, or has it wait for its type.</summary>
    private string? Start(Trigger trigger)
    {
        if (ServingType(trigger.Type) is { } serving)
        {
            if (serving.Add(trigger) is { } problem)
            {
                return problem;
            }

            trigger.IsActive = true;
        }
        else
        {
            logger.TriggerWaits(DisplayText.Clip(trigger.Id), DisplayText.Clip(trigger.Type), DisplayText.Clip(trigger.FunctionId));
        }

        _byKey.Add(trigger.Key, trigger);
        _byId.Add(trigger.Id, trigger);
        if (!_byType.TryGetValue(trigger.Type, out var siblings))
        {
            _byType.Add(trigger.Type, siblings = []);
        }

        siblings.Add(trigger);
        return null;
    }

    private void Activate(string typeId, ITriggerType type)
    {
        foreach (var trigger in OfType(typeId))
        {
            var problem = type.Add(trigger);
            trigger.IsActive = problem is null;
            if (problem is not null)
            {
                logger.TriggerRefused(trigger.Id, typeId, trigger.FunctionId, problem);
            }
        }
    }

    private HashSet<Trigger> OfType(string typeId) => _byType.TryGetValue(typeId, out var triggers) ? triggers : [];

    private void RemoveProvider(string typeId, ITriggerRegistrant provider)
    {
        if (!provider.IsRemote)
        {
            Observer?.TypeUnregistered(typeId, provider);
        }

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
            foreach (var trigger in OfType(typeId))
            {
                trigger.IsActive = false;
            }
        }
    }

    private void Remove(TriggerRegistrationKey key, Registration registration)
    {
        _registrations.Remove(key);
        Forget(registration.Owner, key);
        RemoveOwner(registration.Trigger, key);
    }

    private void RemoveOwner(Trigger trigger, TriggerRegistrationKey key)
    {
        trigger.RemoveOwner(key);
        if (trigger.Owners.Count > 0)
        {
            return;
        }

        _byKey.Remove(trigger.Key);
        _byId.Remove(trigger.Id);
        var siblings = _byType[trigger.Type];
        siblings.Remove(trigger);
        if (siblings.Count == 0)
        {
            _byType.Remove(trigger.Type);
        }

        if (trigger.IsActive)
        {
            trigger.IsActive = false;
            ServingType(trigger.Type)?.Remove(trigger);
        }
    }

    private void Forget(ITriggerRegistrant owner, TriggerRegistrationKey key)
    {
        if (!owner.IsRemote)
        {
            Observer?.TriggerUnregistered(key.Id, owner);
        }

        if (_holdings.TryGetValue(owner, out var holdings) && holdings.Triggers.Remove(key))
        {
            Forget(owner, holdings);
        }
    }

    private void Forget(ITriggerRegistrant owner, Holdings holdings)
    {
        if (owner.IsRemote && holdings.Triggers.Count == 0 && holdings.Types.Count == 0)
        {
            _holdings.Remove(owner);
        }
    }

    private Holdings HoldingsOf(ITriggerRegistrant registrant)
    {
        if (!_holdings.TryGetValue(registrant, out var holdings))
        {
            _holdings.Add(registrant, holdings = new Holdings());
        }

        return holdings;
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

    /// <summary>What one registrant holds: the ids of its registrations, and the types that it provides.</summary>
    private sealed class Holdings
    {
        public HashSet<TriggerRegistrationKey> Triggers { get; } = [];

        public HashSet<string> Types { get; } = new(StringComparer.Ordinal);
    }
}
