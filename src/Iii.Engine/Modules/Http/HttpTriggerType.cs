using Iii.Engine.Triggers;

namespace Iii.Engine.Modules.Http;

/// <summary>The trigger type <c>http</c>: each trigger is a route.</summary>
internal sealed class HttpTriggerType(RouteTable routes, bool ignoreTrailingSlash) : ITriggerType
{
    /// <summary>The id under which workers name it.</summary>
    public const string Id = "http";

    private readonly Dictionary<Trigger, HttpRoute> _routes = new(ReferenceEqualityComparer.Instance);

    public string? Add(Trigger trigger)
    {
        var config = HttpTriggerConfig.TryParse(trigger.Config, ignoreTrailingSlash, out var problem);
        if (config is null)
        {
            return problem;
        }

        var route = new HttpRoute(trigger.FunctionId, config);
        _routes.Add(trigger, route);
        routes.Add(route);
        return null;
    }

    public void Remove(Trigger trigger)
    {
        if (_routes.Remove(trigger, out var route))
        {
            routes.Remove(route);
        }
    }
}
