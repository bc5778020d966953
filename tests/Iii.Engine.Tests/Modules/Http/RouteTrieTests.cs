using CsCheck;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class RouteTrieTests
{
    private static readonly string[] Paths = ["a", "b", "c", ":p", "*r"];

    [Theory]
    [InlineData("/users/me", "users/me")]
    [InlineData("/users/7", "users/:id")]
    [InlineData("/users/me/posts", "users/:id/posts")]
    [InlineData("/users/me/x/y", "users/*rest")]
    [InlineData("/other", "*all")]
    public void Literal_goes_before_parameter_before_wildcard_whatever_the_order(string path, string expected)
    {
        string[] patterns = ["*all", "users/*rest", "users/:id/posts", "users/:id", "users/me"];
        Assert.Equal(expected, Trie(patterns).Find(path, RouteMethods.Get).Route?.Label);
        Assert.Equal(expected, Trie([.. patterns.Reverse()]).Find(path, RouteMethods.Get).Route?.Label);
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("a")]
    [InlineData("/a/")]
    [InlineData("//a")]
    [InlineData("/A")]
    [InlineData("/a/../a")]
    [InlineData("/./a")]
    [InlineData("/%61")]
    [InlineData("/p/")]
    [InlineData("/p//")]
    [InlineData("/w/")]
    [InlineData("/w//x")]
    public void Path_is_not_interpreted(string path) =>
        Assert.Null(Trie("a", "p/:x", "w/*rest").Find(path, RouteMethods.Get).Route);

    [Fact]
    public void Route_of_another_method_on_the_way_does_not_hide_a_less_specific_one()
    {
        var trie = new RouteTrie([Route("GET", "users/me"), Route("POST", "users/:id")]);
        Assert.Equal("users/:id", trie.Find("/users/me", RouteMethods.Post).Route?.Label);
    }

    [Fact]
    public void Methods_of_all_routes_for_the_path_are_reported()
    {
        var trie = new RouteTrie([Route("GET", "users/me"), Route("POST", "users/:id"), Route("PUT", "*all"), Route("PATCH", "other")]);
        var match = trie.Find("/users/me", RouteMethods.Delete);
        Assert.Null(match.Route);
        Assert.Equal(RouteMethods.Get | RouteMethods.Post | RouteMethods.Put, match.OtherMethods);
    }

    [Fact]
    public void Head_is_served_by_get_unless_it_has_a_route()
    {
        var trie = new RouteTrie([Route("GET", "a"), Route("HEAD", "b"), Route("GET", "b")]);
        Assert.Equal(RouteMethods.Get, trie.Find("/a", RouteMethods.Head).Route?.Config.Method);
        Assert.Equal(RouteMethods.Head, trie.Find("/b", RouteMethods.Head).Route?.Config.Method);
    }

    [Fact]
    public void Trie_agrees_with_a_naive_matcher()
    {
        var segment = Gen.OneOf(Paths);
        var pattern = segment.Array[1, 5].Select(ToPattern);
        var method = Gen.OneOf("GET", "POST", "HEAD");
        var routes = Gen.Select(method, pattern).Array[0, 25];
        var path = Gen.OneOf("a", "b", "c", "d", "").Array[1, 6].Select(parts => "/" + string.Join('/', parts));
        var requested = Gen.OneOf(RouteMethods.Get, RouteMethods.Post, RouteMethods.Head, RouteMethods.Put);
        Gen.Select(routes, path, requested).Sample((specs, target, wanted) =>
        {
            var table = specs.Select(spec => Route(spec.Item1, spec.Item2)).DistinctBy(route => route.Key).ToArray();
            var expected = Naive(table, target, wanted);
            var actual = new RouteTrie(table).Find(target, wanted);
            return ReferenceEquals(expected.Route, actual.Route) && expected.OtherMethods == actual.OtherMethods;
        }, iter: 20_000);
    }

    [Fact]
    public void Hostile_path_costs_no_more_than_the_size_of_the_table()
    {
        // Every way of choosing literal or parameter twelve times: the most steps back that 4,096 routes can cause.
        const int Depth = 12;
        var routes = Enumerable.Range(0, 1 << Depth)
            .Select(bits => string.Join('/', Enumerable.Range(0, Depth).Select(i => (bits >> i & 1) == 0 ? "a" : $":p{i}")) + "/end")
            .Select(pattern => Route("GET", pattern)).ToArray();
        var trie = new RouteTrie(routes);
        var path = string.Concat(Enumerable.Repeat("/a", Depth)) + "/nowhere";
        Assert.Null(trie.Find(path, RouteMethods.Get).Route);

        // A lookup above looks at 8,191 nodes; if each further segment doubled that, those below would not end today.
        var deep = string.Concat(Enumerable.Repeat("/a", 100_000));
        Assert.Null(trie.Find(deep, RouteMethods.Get).Route);
        Assert.Null(Trie(string.Join('/', Enumerable.Repeat("a", 128))).Find(deep, RouteMethods.Get).Route);
    }

    [Fact]
    public void Lookup_allocates_nothing()
    {
        var trie = Trie("users/:id/posts", "users/me", "*all");
        trie.Find("/users/7/posts", RouteMethods.Get);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            trie.Find("/users/7/posts", RouteMethods.Get);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    internal static HttpRoute Route(string method, string pattern, string functionId = "f") => new(
        functionId,
        new HttpTriggerConfig(
            RouteMethodNames.OfConfig(method), RoutePattern.TryParse(pattern, false, out _)!, null, InputMode.Merged, null));

    private static RouteTrie Trie(params string[] patterns) => new([.. patterns.Select(pattern => Route("GET", pattern))]);

    private static string ToPattern(string[] segments)
    {
        var wildcard = Array.IndexOf(segments, "*r");
        var kept = wildcard < 0 ? segments : segments[..(wildcard + 1)];
        return string.Join('/', kept.Select((segment, i) => segment == ":p" ? $":p{i}" : segment));
    }

    private static RouteMatch Naive(HttpRoute[] routes, string path, RouteMethods method)
    {
        var parts = path[1..].Split('/');
        var matching = routes.Where(route => Matches(route.Config.Pattern.Segments, parts)).ToArray();
        var serving = matching
            .Where(route => route.Config.Method == method || (method == RouteMethods.Head && route.Config.Method == RouteMethods.Get))
            .OrderBy(route => string.Concat(route.Config.Pattern.Segments.Select(segment => (int)segment.Kind)), StringComparer.Ordinal)
            .ThenBy(route => route.Config.Method == method ? 0 : 1)
            .FirstOrDefault();
        return serving is not null
            ? new RouteMatch(serving, RouteMethods.None)
            : new RouteMatch(null, matching.Aggregate(RouteMethods.None, (all, route) => all | route.Config.Method));
    }

    private static bool Matches(RouteSegment[] segments, string[] parts)
    {
        for (var i = 0; i < segments.Length; i++)
        {
            if (i >= parts.Length)
            {
                return false;
            }

            switch (segments[i].Kind)
            {
                case RouteSegmentKind.Wildcard:
                    return parts[i].Length > 0;
                case RouteSegmentKind.Parameter when parts[i].Length == 0:
                case RouteSegmentKind.Literal when parts[i] != segments[i].Text:
                    return false;
                default:
                    break;
            }
        }

        return segments.Length == parts.Length;
    }
}
