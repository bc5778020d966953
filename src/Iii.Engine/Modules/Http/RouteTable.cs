using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// The routes that are registered, and the trie made of them. Changes are gathered for a moment and published together, so
/// that a flood of registrations costs a few rebuilds, and requests are served from the last trie meanwhile.
/// </summary>
/// <remarks>
/// Thread-safe. Of several routes with the same method and shape the last one serves; when it leaves, the one before does.
/// </remarks>
internal sealed class RouteTable : IDisposable
{
    /// <summary>How long changes are gathered; longer, when a rebuild takes longer than that.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _publisher;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<HttpRoute>> _stacks = new(StringComparer.Ordinal);
    private RouteTrie _published = RouteTrie.Empty;
    private bool _hasChanged;
    private bool _isScheduled;

    public RouteTable(TimeProvider time, ILogger logger)
    {
        _time = time;
        _logger = logger;
        _publisher = time.CreateTimer(
            static state => ((RouteTable)state!).Publish(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The routes as last published.</summary>
    public RouteTrie Published => Volatile.Read(ref _published);

    /// <summary>Whether every change is published.</summary>
    public bool IsUpToDate
    {
        get
        {
            lock (_lock)
            {
                return !_isScheduled;
            }
        }
    }

    public void Add(HttpRoute route)
    {
        lock (_lock)
        {
            if (!_stacks.TryGetValue(route.Key, out var stack))
            {
                _stacks.Add(route.Key, stack = new List<HttpRoute>(1));
            }

            if (stack.Count > 0)
            {
                _logger.RouteTakenOver(route.MethodName, route.Label, route.FunctionId, stack[^1].FunctionId);
            }

            stack.Add(route);
            Changed();
        }
    }

    public void Remove(HttpRoute route)
    {
        lock (_lock)
        {
            if (_stacks.TryGetValue(route.Key, out var stack) && stack.Remove(route))
            {
                if (stack.Count == 0)
                {
                    _stacks.Remove(route.Key);
                }

                Changed();
            }
        }
    }

    public void Dispose() => _publisher.Dispose();

    private void Changed()
    {
        _hasChanged = true;
        if (!_isScheduled)
        {
            _isScheduled = true;
            _publisher.Change(Pause, Timeout.InfiniteTimeSpan);
        }
    }

    private void Publish()
    {
        var routes = TakeServing();
        var started = _time.GetTimestamp();
        Volatile.Write(ref _published, new RouteTrie(routes));
        var took = _time.GetElapsedTime(started);
        _logger.RoutesPublished(routes.Length, took.TotalMilliseconds);
        lock (_lock)
        {
            _isScheduled = _hasChanged;
            if (_hasChanged)
            {
                // At most half of the time goes into rebuilding, however large the table.
                _publisher.Change(took > Pause ? took : Pause, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private HttpRoute[] TakeServing()
    {
        lock (_lock)
        {
            _hasChanged = false;
            var routes = new HttpRoute[_stacks.Count];
            var i = 0;
            foreach (var (_, stack) in _stacks)
            {
                routes[i++] = stack[^1];
            }

            return routes;
        }
    }
}
