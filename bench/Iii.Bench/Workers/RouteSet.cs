namespace Iii.Bench.Workers;

/// <summary>The routes a worker registers: one, or many of mixed shape. All of them lead to one function.</summary>
internal sealed class RouteSet(int count)
{
    private const int Shapes = 4;

    public int Count => count;

    /// <summary>The path that the load generator requests: one with a parameter, from the middle of the set.</summary>
    public string RequestPath => count == 1 ? "/add" : $"/tenants/{Middle}/items/42";

    /// <summary>A path of the route registered last: once it answers, all are in.</summary>
    public string LastPath => Pattern(count - 1).Replace(":id", "42").Replace(":group", "7");

    public IEnumerable<string> Patterns => Enumerable.Range(0, count).Select(Pattern);

    // A multiple of the number of shapes, so that the requested route is of the first shape.
    private int Middle => count / 2 / Shapes * Shapes;

    private string Pattern(int number) => count == 1 ? "/add" : (number % Shapes) switch
    {
        0 => $"/tenants/{number}/items/:id",
        1 => $"/reports/daily/r{number}",
        2 => $"/groups/:group/members/m{number}",
        _ => $"/areas/{number / 100}/shops/{number}/orders",
    };
}
