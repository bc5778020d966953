using System.Collections.Concurrent;
using Iii.Engine.Cluster.Calls;
using Iii.Engine.Cluster.Catalogs;
using Iii.Engine.Cluster.Membership;
using Iii.Engine.Cluster.Transfers;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Triggers;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Cluster.Copies;

/// <summary>
/// Puts what other instances provide into the directories of this one, so that whoever looks something up need not know where it is.
/// </summary>
/// <remarks>Called under the membership's lock.</remarks>
internal sealed class DirectoryCopier(
    FunctionDirectory functions,
    TriggerDirectory triggers,
    RemoteWorkerDirectory workers,
    PlaceDirectory places,
    RemoteCalls calls,
    ILogger logger)
{
    private readonly ConcurrentDictionary<Peer, byte> _leaving = [];
    private readonly Dictionary<(Member Member, string FunctionId), RemoteFunction> _functions = [];

    /// <summary>Those that have said goodbye, and hold places until they are gone.</summary>
    public IEnumerable<Peer> Leaving => _leaving.Select(static entry => entry.Key);

    /// <summary>Carries the changes of a member's catalog out. An entry that cannot be understood is left out, and logged.</summary>
    public void Apply(Member member, IReadOnlyList<CatalogEffect> effects)
    {
        foreach (var effect in effects)
        {
            if (!CatalogKey.TryParse(effect.Key, out var key))
            {
                continue;
            }

            try
            {
                if (key.Kind == CatalogKind.Places)
                {
                    Places(member, key.Name, effect.Value);
                }
                else
                {
                    Apply(member, key, effect);
                }
            }
            catch (FormatException e)
            {
                logger.EntryMalformed(member.Id, key.Kind, e.Message);
            }
        }
    }

    /// <summary>A peer is gone, with all that it still held. May be called without the lock.</summary>
    public void Gone(Peer peer)
    {
        if (_leaving.TryRemove(peer, out _))
        {
            places.Forget(peer.Id);
        }
    }

    private void Places(Member member, string limitId, byte[]? value)
    {
        if (value is not null || !member.IsLeaving)
        {
            places.Set(limitId, member.Id, value is null ? default : PlacesEntry.Read(value));
        }
        else if (places.Retire(limitId, member.Id))
        {
            _leaving[member.Peer] = 0;
        }
    }

    private void Apply(Member member, CatalogKey key, in CatalogEffect effect)
    {
        var worker = workers.Find(key.WorkerId);
        if (worker is null)
        {
            worker = new RemoteWorker(member, key.WorkerId);
            workers.Add(worker);
        }

        // Worker ids are unique over the cluster: whoever claims one that is known of another instance is wrong.
        if (!ReferenceEquals(worker.Member, member))
        {
            return;
        }

        // A worker is known for as long as an entry is about it.
        worker.Entries += effect.Value is null ? -1 : effect.IsNew ? 1 : 0;
        if (worker.Entries == 0)
        {
            workers.Remove(worker);
        }

        switch (key.Kind)
        {
            case CatalogKind.Worker:
                Worker(worker, effect.Value, effect.IsNew);
                break;
            case CatalogKind.Function:
                Function(worker, key.Name, effect.Value);
                break;
            case CatalogKind.Trigger:
                Trigger(worker, key.Name, effect.Value);
                break;
            case CatalogKind.TriggerType:
                TriggerType(worker, key.Name, effect.Value);
                break;
            default:
                throw new InvalidOperationException($"{key.Kind} is no kind of entry");
        }
    }

    private void Worker(RemoteWorker worker, byte[]? value, bool isNew)
    {
        worker.Entry = value is null ? null : WorkerEntry.Read(value);
        workers.Raise(
            value is null ? WorkerEvent.Disconnected : isNew ? WorkerEvent.Connected : WorkerEvent.MetadataUpdated, worker.WorkerId);
    }

    private void Function(RemoteWorker worker, string id, byte[]? value)
    {
        var details = value is null ? null : FunctionEntry.Read(value);
        if (details is null)
        {
            worker.Functions.TryRemove(id, out _);
        }
        else
        {
            worker.Functions[id] = 0;
        }

        var member = worker.Member;
        if (!_functions.TryGetValue((member, id), out var function))
        {
            if (details is null)
            {
                return;
            }

            calls.Watch(member);
            _functions[(member, id)] = function = new RemoteFunction(member, calls);
        }

        var others = function.Workers.Where(other => !ReferenceEquals(other, worker));
        function.Workers = details is null ? [.. others] : [.. others, worker];
        if (function.Workers.Length == 0)
        {
            _functions.Remove((member, id));
            functions.Unregister(id, function);
        }
        else if (details is not null)
        {
            functions.Register(new FunctionRegistration(id, function, function, details));
        }
    }

    private void Trigger(RemoteWorker worker, string id, byte[]? value)
    {
        if (value is null)
        {
            triggers.Unregister(id, worker);
            return;
        }

        var entry = TriggerEntry.Read(value);
        if (triggers.Register(id, entry.Type, entry.FunctionId, entry.Config, entry.Metadata, worker, int.MaxValue) is { } problem)
        {
            logger.TriggerNotCopied(id, entry.Type, worker.Member.Id, problem);
        }
    }

    private void TriggerType(RemoteWorker worker, string id, byte[]? value)
    {
        if (value is null)
        {
            triggers.UnregisterType(id, worker);
            return;
        }

        var entry = TriggerTypeEntry.Read(value);
        triggers.CopyType(id, entry.Details, entry.Stamp, worker);
    }
}
