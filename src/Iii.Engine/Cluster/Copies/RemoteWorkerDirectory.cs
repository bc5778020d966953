using System.Collections.Concurrent;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Invocations;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The workers that are connected to other instances.</summary>
/// <remarks>Changed under the membership's lock, read by anybody.</remarks>
internal sealed class RemoteWorkerDirectory : IWorkerList
{
    private readonly ConcurrentDictionary<string, RemoteWorker> _workers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Guid, RemoteWorker> _byGuid = new();

    /// <inheritdoc/>
    public event Action<WorkerEvent, string>? Changed;

    public IEnumerable<WorkerRow> Rows => _workers.Select(static entry => entry.Value.Row).OfType<WorkerRow>();

    public WorkerRow? FindRow(string workerId) => Find(workerId)?.Row;

    public RemoteWorker? Find(string workerId) => _workers.GetValueOrDefault(workerId);

    /// <summary>A worker as the caller of an invocation that it sent through its own instance.</summary>
    public WorkerIdentity? IdentityOf(Guid id) => _byGuid.GetValueOrDefault(id)?.Identity;

    public void Add(RemoteWorker worker)
    {
        _workers[worker.WorkerId] = worker;
        if (worker.Identity is { } identity)
        {
            _byGuid[identity.Guid] = worker;
        }
    }

    public void Remove(RemoteWorker worker)
    {
        _workers.TryRemove(worker.WorkerId, out _);
        if (worker.Identity is { } identity)
        {
            _byGuid.TryRemove(identity.Guid, out _);
        }
    }

    public void Raise(WorkerEvent change, string workerId) => Changed?.Invoke(change, workerId);
}
