using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

/// <summary>Asks functions, one after another, whether a request may go on; the first that answers for it ends it.</summary>
/// <remarks>They see no body. Whatever is not <c>{"action":"respond"}</c> lets the request go on; a failure does not.</remarks>
internal sealed class RequestMiddleware(FunctionInvoker invoker, TimeProvider time, ILogger logger)
{
    private static readonly byte[] EmptyResponse = "{\"status_code\":200}"u8.ToArray();

    /// <summary>Runs the functions.</summary>
    /// <returns>Null when the request goes on, else what it ends with.</returns>
    public async ValueTask<RequestOutcome?> RunAsync(
        IReadOnlyList<string> functionIds, HttpContext context, HttpRoute route, RequestTarget target, TimeSpan timeout, long started)
    {
        foreach (var functionId in functionIds)
        {
            var remaining = timeout - time.GetElapsedTime(started);
            if (remaining <= TimeSpan.Zero)
            {
                return new RequestOutcome(RequestEnd.TimedOut);
            }

            using var result = await InvokeAsync(functionId, context, route, target, remaining);
            if (result.IsError)
            {
                return Failed(route, functionId, result);
            }

            if (ResponseOf(result.Value.Span) is { } response)
            {
                return new RequestOutcome(RequestEnd.Answered, Answer: response);
            }
        }

        return null;
    }

    private ValueTask<InvocationResult> InvokeAsync(
        string functionId, HttpContext context, HttpRoute route, RequestTarget target, TimeSpan remaining)
    {
        var input = RequestInputWriter.WriteForMiddleware(context, route, target);
        try
        {
            return invoker.InvokeAsync(input.CallOf(functionId, remaining));
        }
        finally
        {
            input.Return();
        }
    }

    private RequestOutcome Failed(HttpRoute route, string functionId, in InvocationResult result)
    {
        var (code, message) = result.ReadError();
        if (code == ErrorCodes.InvocationTimeout)
        {
            return new RequestOutcome(RequestEnd.TimedOut);
        }

        logger.MiddlewareFailed(route.MethodName, route.Label, functionId, code, message);
        return new RequestOutcome(RequestEnd.MiddlewareFailed);
    }

    private static byte[]? ResponseOf(ReadOnlySpan<byte> result)
    {
        var answer = new JsonSlice(result);
        if (answer.Find("action"u8).GetString() != "respond")
        {
            return null;
        }

        var response = answer.Find("response"u8);
        return response.HasValue ? response.Raw.ToArray() : EmptyResponse;
    }
}
