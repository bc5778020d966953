namespace Iii.Engine.Modules.Http;

/// <summary>What a lookup found.</summary>
/// <param name="Route">The route that serves the request; null when there is none.</param>
/// <param name="OtherMethods">Without a route: the methods that the path does answer to.</param>
internal readonly record struct RouteMatch(HttpRoute? Route, RouteMethods OtherMethods);

/// <summary>
/// All routes of one moment as a tree of segments. It never changes, so readers need no lock.
/// </summary>
/// <remarks>
/// At every segment a literal goes before a parameter, and that before a wildcard, with a step back where the choice leads
/// nowhere for the request's method. Each node of the tree is reached in one way only, so a lookup looks at no node twice:
/// no path, however made, costs more than the size of the table. A lookup allocates nothing.
/// </remarks>
internal sealed class RouteTrie
{
    public static readonly RouteTrie Empty = new([]);

    private readonly Node _root = new();

    public RouteTrie(IReadOnlyCollection<HttpRoute> routes)
    {
        Count = routes.Count;
        foreach (var route in routes)
        {
            var node = _root;
            foreach (var segment in route.Config.Pattern.Segments)
            {
                node = node.ChildFor(segment);
            }

            node.Add(route);
        }
    }

    /// <summary>How many routes there are.</summary>
    public int Count { get; }

    /// <summary>Finds the route for a request.</summary>
    /// <param name="path">The path as it is on the wire.</param>
    /// <param name="method">The method; HEAD is also served by a route for GET.</param>
    public RouteMatch Find(ReadOnlySpan<char> path, RouteMethods method)
    {
        if (path.IsEmpty || path[0] != '/')
        {
            return default;
        }

        var others = RouteMethods.None;
        return Find(_root, path[1..], method, ref others) is { } route
            ? new RouteMatch(route, RouteMethods.None)
            : new RouteMatch(null, others);
    }

    private static HttpRoute? Find(Node node, ReadOnlySpan<char> rest, RouteMethods method, ref RouteMethods others)
    {
        var slash = rest.IndexOf('/');
        var segment = slash < 0 ? rest : rest[..slash];
        if (node.Literal(segment) is { } literal && Enter(literal, rest, slash, method, ref others) is { } byLiteral)
        {
            return byLiteral;
        }

        if (segment.IsEmpty)
        {
            return null;
        }

        if (node.Parameter is { } parameter && Enter(parameter, rest, slash, method, ref others) is { } byParameter)
        {
            return byParameter;
        }

        return node.Wildcard?.RouteFor(method, ref others);
    }

    private static HttpRoute? Enter(Node child, ReadOnlySpan<char> rest, int slash, RouteMethods method, ref RouteMethods others) =>
        slash < 0 ? child.RouteFor(method, ref others) : Find(child, rest[(slash + 1)..], method, ref others);

    private sealed class Node
    {
        private Dictionary<string, Node>? _literals;
        private HttpRoute[] _routes = [];

        public Node? Parameter { get; private set; }

        public Node? Wildcard { get; private set; }

        public Node? Literal(ReadOnlySpan<char> segment) =>
            _literals is not null && _literals.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(segment, out var child) ? child : null;

        /// <summary>The route that ends here and serves the method; else notes what methods there are.</summary>
        public HttpRoute? RouteFor(RouteMethods method, ref RouteMethods others)
        {
            HttpRoute? get = null;
            foreach (var route in _routes)
            {
                if (route.Config.Method == method)
                {
                    return route;
                }

                others |= route.Config.Method;
                if (route.Config.Method == RouteMethods.Get)
                {
                    get = route;
                }
            }

            return method == RouteMethods.Head ? get : null;
        }

        public Node ChildFor(RouteSegment segment)
        {
            switch (segment.Kind)
            {
                case RouteSegmentKind.Parameter:
                    return Parameter ??= new Node();
                case RouteSegmentKind.Wildcard:
                    return Wildcard ??= new Node();
                default:
                    _literals ??= new Dictionary<string, Node>(StringComparer.Ordinal);
                    if (!_literals.TryGetValue(segment.Text, out var child))
                    {
                        _literals.Add(segment.Text, child = new Node());
                    }

                    return child;
            }
        }

        public void Add(HttpRoute route) => _routes = [.. _routes, route];
    }
}
