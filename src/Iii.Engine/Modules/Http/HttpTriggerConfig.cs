using System.Text;
using System.Text.Json;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>The config of an <c>http</c> trigger.</summary>
/// <param name="Method">The one method.</param>
/// <param name="Pattern">The path.</param>
/// <param name="ConditionFunctionId">Decides whether the function runs; null for always.</param>
/// <param name="Input">What the function is called with.</param>
/// <param name="Timeout">How long a request may take; null for the module's default.</param>
internal sealed record HttpTriggerConfig(
    RouteMethods Method, RoutePattern Pattern, string? ConditionFunctionId, InputMode Input, TimeSpan? Timeout)
{
    /// <summary>The most middlewares of one route.</summary>
    public const int MaxMiddleware = 32;

    /// <summary>The longest <c>timeout_ms</c>: a day.</summary>
    public const int MaxTimeoutMs = 86_400_000;

    private const int MaxQuotedValue = 100;

    /// <summary>Functions that a request passes before the function, in order.</summary>
    public IReadOnlyList<string> Middleware { get; init; } = [];

    /// <summary>Reads a config; unknown members are the client's own.</summary>
    /// <returns>Null when there is a problem.</returns>
    public static HttpTriggerConfig? TryParse(ReadOnlySpan<byte> config, bool ignoreTrailingSlash, out string? problem)
    {
        var pattern = ReadPattern(TriggerConfig.Find(config, "api_path"u8), ignoreTrailingSlash, out problem);
        if (pattern is null)
        {
            return null;
        }

        var method = ReadMethod(TriggerConfig.Find(config, "http_method"u8), ref problem);
        var input = ReadInput(TriggerConfig.Find(config, "input"u8), ref problem);
        var timeout = ReadTimeout(TriggerConfig.Find(config, "timeout_ms"u8), ref problem);
        var middleware = ReadMiddleware(TriggerConfig.Find(config, "middleware_function_ids"u8), ref problem);
        return problem is null
            ? new HttpTriggerConfig(method, pattern, TriggerConfig.ConditionFunctionId(config), input, timeout) { Middleware = middleware }
            : null;
    }

    private static RoutePattern? ReadPattern(JsonSlice value, bool ignoreTrailingSlash, out string? problem)
    {
        if (value.GetString() is { } text)
        {
            return RoutePattern.TryParse(text, ignoreTrailingSlash, out problem);
        }

        problem = value.HasValue
            ? $"api_path {Quote(value)} is not a string; write a path such as \"users/:id\""
            : "api_path is missing; write a path such as \"users/:id\"";
        return null;
    }

    private static RouteMethods ReadMethod(JsonSlice value, ref string? problem)
    {
        if (!value.HasValue)
        {
            return RouteMethods.Get;
        }

        var method = RouteMethodNames.OfConfig(value.GetString() ?? "");
        if (method == RouteMethods.None)
        {
            problem ??= $"http_method {Quote(value)} is not known; write one of GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS";
        }

        return method;
    }

    private static InputMode ReadInput(JsonSlice value, ref string? problem)
    {
        switch (value.HasValue ? value.GetString() : "merged")
        {
            case "merged":
                return InputMode.Merged;
            case "request":
                return InputMode.Request;
            case "body":
                return InputMode.Body;
            default:
                problem ??= $"input {Quote(value)} is not known; write one of \"merged\", \"request\", \"body\"";
                return InputMode.Merged;
        }
    }

    private static List<string> ReadMiddleware(JsonSlice value, ref string? problem)
    {
        if (!value.HasValue)
        {
            return [];
        }

        var ids = new List<string>();
        var reader = new Utf8JsonReader(value.Raw, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.String && ids.Count <= MaxMiddleware)
            {
                ids.Add(reader.GetString()!);
            }
        }

        if (reader.TokenType != JsonTokenType.EndArray || ids.Count > MaxMiddleware || ids.Contains(string.Empty))
        {
            problem ??= $"middleware_function_ids {Quote(value)} is no list of function ids; write at most {MaxMiddleware} strings";
        }

        return ids;
    }

    private static TimeSpan? ReadTimeout(JsonSlice value, ref string? problem)
    {
        if (!value.HasValue)
        {
            return null;
        }

        var reader = new Utf8JsonReader(value.Raw);
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var milliseconds) && milliseconds is > 0 and <= MaxTimeoutMs)
        {
            return TimeSpan.FromMilliseconds(milliseconds);
        }

        problem ??= $"timeout_ms {Quote(value)} is not a time; write whole milliseconds from 1 to {MaxTimeoutMs}";
        return null;
    }

    private static string Quote(JsonSlice value) =>
        value.Raw.Length <= MaxQuotedValue
            ? Encoding.UTF8.GetString(value.Raw)
            : Encoding.UTF8.GetString(value.Raw[..MaxQuotedValue]) + "…";
}
