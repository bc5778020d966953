namespace Iii.Engine.Modules.Http;

/// <summary>The HTTP methods that a route can have; as flags, since a path answers to several.</summary>
[Flags]
internal enum RouteMethods
{
    None = 0,
    Get = 1,
    Head = 2,
    Post = 4,
    Put = 8,
    Delete = 16,
    Patch = 32,
    Options = 64,
}

/// <summary>The names of <see cref="RouteMethods"/>.</summary>
internal static class RouteMethodNames
{
    private static readonly (RouteMethods Method, string Name)[] All =
    [
        (RouteMethods.Get, "GET"), (RouteMethods.Head, "HEAD"), (RouteMethods.Post, "POST"), (RouteMethods.Put, "PUT"),
        (RouteMethods.Delete, "DELETE"), (RouteMethods.Patch, "PATCH"), (RouteMethods.Options, "OPTIONS"),
    ];

    /// <summary>The method of a request; <see cref="RouteMethods.None"/> for one that no route can have. Names are exact there.</summary>
    public static RouteMethods OfRequest(string name) => name switch
    {
        "GET" => RouteMethods.Get,
        "POST" => RouteMethods.Post,
        "PUT" => RouteMethods.Put,
        "DELETE" => RouteMethods.Delete,
        "PATCH" => RouteMethods.Patch,
        "HEAD" => RouteMethods.Head,
        "OPTIONS" => RouteMethods.Options,
        _ => RouteMethods.None,
    };

    /// <summary>The method of a trigger's config, in any case; <see cref="RouteMethods.None"/> when it is not known.</summary>
    public static RouteMethods OfConfig(string name) => OfRequest(name.ToUpperInvariant());

    /// <summary>The name of one method.</summary>
    public static string NameOf(RouteMethods method) => All.First(entry => entry.Method == method).Name;

    /// <summary>The methods as a list, GET first; whoever serves GET serves HEAD.</summary>
    public static string Describe(RouteMethods methods)
    {
        var served = methods.HasFlag(RouteMethods.Get) ? methods | RouteMethods.Head : methods;
        return string.Join(", ", All.Where(entry => served.HasFlag(entry.Method)).Select(static entry => entry.Name));
    }
}
