using Iii.Engine.Gateways;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;

namespace Iii.Engine.Discovery;

/// <summary>
/// Fires <c>engine::functions-available</c> when the set of function ids has changed, and <c>engine::workers-available</c>
/// for each worker that joins, leaves or says who it is (protocol §4.6).
/// </summary>
/// <remarks>
/// Changes of functions within <see cref="Debounce"/> are one event with the full list; a set that is the same again is
/// none. Every instance of a cluster watches, and one of them, the leader, fires; so each event comes once.
/// </remarks>
internal sealed class DiscoveryEvents : IDisposable
{
    public static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(100);

    private readonly FunctionDirectory _functions;
    private readonly IWorkerList[] _workers;
    private readonly Func<bool> _isLeader;
    private readonly DiscoveryFunctions _rows;
    private readonly DiscoveryTriggerType _functionsAvailable;
    private readonly DiscoveryTriggerType _workersAvailable;
    private readonly ITimer _timer;
    private readonly Lock _firing = new();
    private HashSet<string> _known = [];
    private int _isScheduled;

    public DiscoveryEvents(
        FunctionDirectory functions,
        IWorkerList[] workers,
        Func<bool> isLeader,
        TriggerDirectory triggers,
        DiscoveryFunctions rows,
        FunctionInvoker invoker,
        TimeProvider time)
    {
        _rows = rows;
        _functions = functions;
        _workers = workers;
        _isLeader = isLeader;
        _functionsAvailable = new DiscoveryTriggerType(invoker);
        _workersAvailable = new DiscoveryTriggerType(invoker);
        triggers.AddType("engine::functions-available", "Fires when the set of functions has changed", _functionsAvailable);
        triggers.AddType("engine::workers-available", "Fires when a worker joins, leaves, or says who it is", _workersAvailable);
        _timer = time.CreateTimer(
            static state => ((DiscoveryEvents)state!).FunctionsSettled(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        functions.Changed += FunctionsChanged;
        foreach (var list in workers)
        {
            list.Changed += WorkersChanged;
        }
    }

    public void Dispose()
    {
        _functions.Changed -= FunctionsChanged;
        foreach (var list in _workers)
        {
            list.Changed -= WorkersChanged;
        }

        _timer.Dispose();
    }

    private void FunctionsChanged()
    {
        if (Interlocked.Exchange(ref _isScheduled, 1) == 0)
        {
            _timer.Change(Debounce, Timeout.InfiniteTimeSpan);
        }
    }

    private void FunctionsSettled()
    {
        Volatile.Write(ref _isScheduled, 0);
        lock (_firing)
        {
            var current = _functions.All.Select(static function => function.Id).ToHashSet(StringComparer.Ordinal);
            if (current.SetEquals(_known))
            {
                return;
            }

            _known = current;
            if (_functionsAvailable.HasTriggers && _isLeader())
            {
                _functionsAvailable.Fire(EngineFunctions.Write(writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("event", "functions_changed");
                    writer.WriteStartArray("functions");
                    _rows.WriteFunctions(writer, includeInternal: true);
                    writer.WriteEndArray();
                    writer.WriteEndObject();
                }));
            }
        }
    }

    private void WorkersChanged(WorkerEvent change, string workerId)
    {
        if (!_workersAvailable.HasTriggers || !_isLeader())
        {
            return;
        }

        _workersAvailable.Fire(EngineFunctions.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("event", change switch
            {
                WorkerEvent.Connected => "worker_connected",
                WorkerEvent.Disconnected => "worker_disconnected",
                WorkerEvent.MetadataUpdated => "worker_metadata_updated",
                _ => throw new ArgumentOutOfRangeException(nameof(change), change, "no such event"),
            });
            writer.WriteString("worker_id", workerId);
            writer.WriteEndObject();
        }));
    }
}
