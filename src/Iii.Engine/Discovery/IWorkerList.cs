using Iii.Engine.Gateways;

namespace Iii.Engine.Discovery;

/// <summary>Connected workers, for lists and events: those of this instance, or those of others.</summary>
internal interface IWorkerList
{
    /// <summary>Raised when a worker joined, left, or said who it is.</summary>
    event Action<WorkerEvent, string>? Changed;

    IEnumerable<WorkerRow> Rows { get; }

    WorkerRow? FindRow(string workerId);
}
