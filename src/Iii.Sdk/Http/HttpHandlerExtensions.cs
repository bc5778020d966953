namespace Iii.Sdk;

/// <summary>HTTP routes with a handler of requests and responses.</summary>
/// <example>
/// <code>
/// worker.RegisterHttpHandler("GET", "/clock", async (request, response, cancellation) =>
/// {
///     response.Headers["content-type"] = "text/event-stream";
///     await using var events = await response.StartStreamAsync(cancellation);
///     await events.WriteAsync("data: now\n\n"u8.ToArray(), cancellation);
/// });
/// </code>
/// </example>
public static class HttpHandlerExtensions
{
    /// <summary>Registers a route, and the function that answers it.</summary>
    /// <param name="worker">The worker that answers.</param>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">The path; <c>:name</c> stands for one segment.</param>
    /// <param name="handler">Answers a request; may run many times at once.</param>
    /// <param name="functionId">The id of the function; null for one made of method and path.</param>
    /// <param name="options">What is told about the function.</param>
    /// <returns>Dispose of it to end the route.</returns>
    public static IiiRegistration RegisterHttpHandler(
        this IiiWorker worker,
        string method,
        string path,
        HttpHandler handler,
        string? functionId = null,
        RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentException.ThrowIfNullOrEmpty(method);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(handler);
        var id = functionId ?? $"http::{method.ToUpperInvariant()}::{path.TrimStart('/')}";
        var function = worker.RegisterRawFunction(id, (input, context, cancellation) => AnswerAsync(handler, input, context, cancellation), options);
        var route = worker.RegisterHttpTrigger(id, path, method.ToUpperInvariant());
        return new IiiRegistration(id, () =>
        {
            route.Dispose();
            function.Dispose();
        });
    }

    private static async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(
        HttpHandler handler, ReadOnlyMemory<byte> input, InvocationContext context, CancellationToken cancellation)
    {
        var request = new HttpRequestContext(input, context);
        var response = new HttpResponseWriter(context.Worker, request.Response);
        try
        {
            await handler(request, response, cancellation).ConfigureAwait(false);
        }
        catch
        {
            response.Abort();
            throw;
        }

        return await response.EndAsync().ConfigureAwait(false);
    }
}
