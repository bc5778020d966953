using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Iii.Engine.Discovery;
using Iii.Engine.Hosting;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Gateways;

/// <summary>What happened to a worker; the names are those of the event's payload.</summary>
internal enum WorkerEvent
{
    Connected,
    Disconnected,
    MetadataUpdated,
}

/// <summary>The sockets that are connected here, and the one place where the traces of a lost one are removed.</summary>
internal sealed class WorkerDirectory(
    FunctionDirectory functions, TriggerDirectory triggers, DeadlineSweeper deadlines, InstanceId instance) : IWorkerList
{
    private readonly ConcurrentDictionary<string, WorkerConnection> _connections = new(StringComparer.Ordinal);
    private bool _isDraining;

    /// <summary>Raised when a worker joined, left, or said who it is. Sockets that carry only telemetry are no workers.</summary>
    public event Action<WorkerEvent, string>? Changed;

    /// <summary>All sockets, those that have not said anything yet included.</summary>
    public IEnumerable<WorkerConnection> Connections => _connections.Select(static entry => entry.Value);

    /// <summary>The sockets that are workers.</summary>
    public IEnumerable<WorkerConnection> Workers => Connections.Where(static connection => connection.IsWorker);

    /// <summary>Whether the engine shuts down: workers finish what they work on, and start nothing new.</summary>
    public bool IsDraining
    {
        get => Volatile.Read(ref _isDraining);
        set => Volatile.Write(ref _isDraining, value);
    }

    /// <summary>Invocations that workers connected here work on, and calls of theirs that are not answered yet.</summary>
    public int ActiveInvocations => Connections.Sum(static connection => connection.ActiveInvocations);

    public IEnumerable<WorkerRow> Rows => Workers.Select(RowOf);

    public WorkerRow? FindRow(string workerId) => Find(workerId) is { IsWorker: true } worker ? RowOf(worker) : null;

    public WorkerConnection? Find(string workerId) => _connections.GetValueOrDefault(workerId);

    public void Add(WorkerConnection connection)
    {
        deadlines.Add(connection.Pending);
        _connections[connection.WorkerId] = connection;
    }

    /// <summary>A socket has shown itself to be a worker.</summary>
    public void Joined(WorkerConnection connection) => Changed?.Invoke(WorkerEvent.Connected, connection.WorkerId);

    public void SetMetadata(WorkerConnection connection, WorkerMetadata metadata)
    {
        connection.Metadata = metadata;
        Changed?.Invoke(WorkerEvent.MetadataUpdated, connection.WorkerId);
    }

    /// <summary>
    /// Removes a connection with all that it registered and still owns, and ends what it worked on. May be called again.
    /// </summary>
    public void Remove(WorkerConnection connection)
    {
        if (!_connections.TryRemove(connection.WorkerId, out _))
        {
            return;
        }

        lock (connection.Registering)
        {
            connection.IsRemoved = true;
            foreach (var id in connection.Functions.Items)
            {
                functions.Unregister(id, connection);
            }

            triggers.RemoveOwner(connection);
        }

        foreach (var pending in connection.Pending.Close())
        {
            pending.Complete(InvocationOutcome.Failure(ErrorCodes.InvocationStopped, "Invocation stopped"));
        }

        connection.StopWork();
        deadlines.Remove(connection.Pending);
        if (connection.IsWorker)
        {
            Changed?.Invoke(WorkerEvent.Disconnected, connection.WorkerId);
        }
    }

    /// <summary>What lists say of a worker.</summary>
    public WorkerRow RowOf(WorkerConnection worker) => new(
        worker.WorkerId,
        worker.Metadata,
        worker.RemoteAddress,
        worker.ConnectedAt.ToUnixTimeMilliseconds(),
        [.. worker.Functions.Items],
        worker.ActiveInvocations,
        instance.Text);

    /// <summary>
    /// A newer connection continues this one: it goes at once, whole, before the newer one's registrations are worked
    /// through (sdk-versions §5.1). A wrong token is ignored.
    /// </summary>
    /// <returns>False when no such worker is connected here.</returns>
    public bool Retire(string workerId, string token)
    {
        if (Find(workerId) is not { } previous)
        {
            return false;
        }

        if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(previous.ReattachToken), Encoding.UTF8.GetBytes(token)))
        {
            Remove(previous);
            previous.Abort();
        }

        return true;
    }
}
