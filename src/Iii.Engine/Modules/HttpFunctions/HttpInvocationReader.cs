using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Iii.Protocol;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Reads the member <c>invocation</c> of a registration (protocol §2.3): leniently, but never as something it does not say.</summary>
internal sealed class HttpInvocationReader(UrlPolicy urls)
{
    /// <summary>How long a call may take when the registration does not say.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    private static readonly HttpMethod[] Methods = [HttpMethod.Get, HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete];

    /// <summary>Reads a registration.</summary>
    /// <param name="functionId">The function.</param>
    /// <param name="json">The member's value; one JSON value.</param>
    /// <param name="invocation">How to call the function; null on failure.</param>
    /// <param name="problem">Why it cannot be called; only to be looked at on failure.</param>
    public bool TryRead(
        string functionId, ReadOnlySpan<byte> json, [NotNullWhen(true)] out HttpInvocation? invocation, out HttpFunctionProblem problem)
    {
        invocation = null;
        problem = default;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
            using var document = JsonDocument.ParseValue(ref reader);
            if (!HeaderRules.IsValue(functionId))
            {
                throw new FormatException("the id of the function is sent in a header, so it cannot hold control characters");
            }

            var root = Expect(document.RootElement, JsonValueKind.Object, "invocation");
            if (!urls.TryRead(Text(root, "url"), out var url, out var refusal))
            {
                problem = new HttpFunctionProblem(HttpFunctionErrorCodes.UrlValidationFailed, refusal);
                return false;
            }

            invocation = new HttpInvocation(url, ReadMethod(root), ReadTimeout(root), [.. ReadHeaders(root)], ReadAuth(root));
            return true;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException)
        {
            // The last one is JSON text that is not Unicode.
            problem = new HttpFunctionProblem(
                HttpFunctionErrorCodes.InvalidInvocation, $"Function {functionId} cannot be called over HTTP: {e.Message}");
            return false;
        }
    }

    private static HttpMethod ReadMethod(JsonElement root)
    {
        if (!TryGet(root, "method", out var value))
        {
            return HttpMethod.Post;
        }

        var name = Expect(value, JsonValueKind.String, "method").GetString()!;
        return Array.Find(Methods, method => method.Method.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new FormatException($"method '{name}' is not one of {string.Join(", ", Methods.Select(static method => method.Method))}");
    }

    private static TimeSpan ReadTimeout(JsonElement root)
    {
        if (!TryGet(root, "timeout_ms", out var value))
        {
            return DefaultTimeout;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var milliseconds) || milliseconds is < 0 or double.NaN)
        {
            throw new FormatException($"timeout_ms must be a number of milliseconds, not {value.GetRawText()}");
        }

        // No time at all would be a function that cannot be called: nobody asks for that.
        return milliseconds == 0 ? DefaultTimeout : TimeSpan.FromMilliseconds(Math.Min(milliseconds, int.MaxValue));
    }

    private static IEnumerable<KeyValuePair<string, string>> ReadHeaders(JsonElement root)
    {
        if (!TryGet(root, "headers", out var headers))
        {
            yield break;
        }

        foreach (var header in Expect(headers, JsonValueKind.Object, "headers").EnumerateObject())
        {
            var value = Expect(header.Value, JsonValueKind.String, $"headers.{header.Name}").GetString()!;
            if (HeaderRules.Problem(header.Name, value) is { } problem)
            {
                throw new FormatException(problem);
            }

            yield return new(header.Name, value);
        }
    }

    private static HttpFunctionAuth? ReadAuth(JsonElement root)
    {
        if (!TryGet(root, "auth", out var auth))
        {
            return null;
        }

        var type = Text(Expect(auth, JsonValueKind.Object, "auth"), "type", "auth.");
        return type switch
        {
            "hmac" => new HttpFunctionAuth.Hmac(Variable(auth, "secret_key")),
            "bearer" => new HttpFunctionAuth.Bearer(Variable(auth, "token_key")),
            "api_key" => new HttpFunctionAuth.ApiKey(ReadHeaderName(auth), Variable(auth, "value_key")),
            _ => throw new FormatException($"auth.type '{type}' is not one of hmac, bearer, api_key"),
        };
    }

    private static string ReadHeaderName(JsonElement auth)
    {
        var name = Text(auth, "header", "auth.");
        return HeaderRules.Problem(name, "") is { } problem ? throw new FormatException("auth.header: " + problem) : name;
    }

    /// <summary>The name of an environment variable.</summary>
    private static string Variable(JsonElement auth, string member)
    {
        var name = Text(auth, member, "auth.");
        return name.Length > 0 && !name.AsSpan().ContainsAny('=', '\0')
            ? name
            : throw new FormatException($"auth.{member} must be the name of an environment variable of the engine");
    }

    private static string Text(JsonElement parent, string member, string path = "") =>
        TryGet(parent, member, out var value)
            ? Expect(value, JsonValueKind.String, path + member).GetString()!
            : throw new FormatException($"{path}{member} is missing");

    /// <summary>A member that is there and not null.</summary>
    private static bool TryGet(JsonElement parent, string member, out JsonElement value) =>
        parent.TryGetProperty(member, out value) && value.ValueKind != JsonValueKind.Null;

    private static JsonElement Expect(JsonElement value, JsonValueKind kind, string path) => value.ValueKind == kind
        ? value
        : throw new FormatException($"{path} must be {(kind == JsonValueKind.Object ? "an object" : "a string")}");
}
