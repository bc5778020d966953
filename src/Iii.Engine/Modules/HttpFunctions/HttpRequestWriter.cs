using System.Globalization;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Makes the request of a call (protocol §8.1).</summary>
internal sealed class HttpRequestWriter(TimeProvider time, EnvironmentReader environment)
{
    /// <summary>Writes a request, or says why there can be none.</summary>
    public HttpFunctionProblem? Write(HttpInvocation invocation, HttpCall call, out HttpRequestMessage request)
    {
        var seconds = time.GetUtcNow().ToUnixTimeSeconds();

        // Its length is known, so the body goes out with Content-Length, and a small one in the same write as the head.
        request = new HttpRequestMessage(invocation.Method, invocation.Url) { Content = new ByteArrayContent(call.Body) };
        var headers = request.Headers;
        headers.TryAddWithoutValidation(HeaderRules.FunctionPath, call.FunctionId);
        headers.TryAddWithoutValidation(HeaderRules.InvocationId, call.InvocationId.ToString());
        headers.TryAddWithoutValidation(HeaderRules.Timestamp, seconds.ToString(CultureInfo.InvariantCulture));
        foreach (var (name, value) in invocation.Headers)
        {
            // Some names belong to the content, whatever that means to the framework.
            if (!headers.TryAddWithoutValidation(name, value))
            {
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        AddUnlessThere(request, HeaderRules.ContentType, "application/json");
        AddUnlessThere(request, HeaderRules.TraceParent, call.TraceParent);
        AddUnlessThere(request, HeaderRules.Baggage, call.Baggage);
        return invocation.Auth?.ApplyTo(headers, call.Body, seconds, environment);
    }

    private static void AddUnlessThere(HttpRequestMessage request, string name, string? value)
    {
        if (value is null || request.Headers.NonValidated.Contains(name) || request.Content!.Headers.NonValidated.Contains(name))
        {
            return;
        }

        if (!request.Headers.TryAddWithoutValidation(name, value))
        {
            request.Content.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
