using System.IO.Pipelines;
using System.Security.Cryptography;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// The engine's own answers. <c>flat</c>: the shapes of 0.8, some of them empty, that never show what went wrong inside.
/// <c>envelope</c>: always <c>{"error":{"code","message"}}</c>, with the function's own code and message.
/// </summary>
internal sealed class HttpErrors(ResponseWriter responses, bool isEnvelope)
{
    private const string RetryAfterSeconds = "1";

    public ValueTask<FlushResult> NotFoundAsync(HttpContext context) =>
        SendAsync(context, StatusCodes.Status404NotFound, null, "not_found", "There is no route for this path");

    public ValueTask<FlushResult> MethodNotAllowedAsync(HttpContext context, RouteMethods allowed)
    {
        context.Response.Headers.Allow = RouteMethodNames.Describe(allowed);
        return SendAsync(
            context,
            StatusCodes.Status405MethodNotAllowed,
            null,
            "method_not_allowed",
            "There is no route with this method for this path");
    }

    public ValueTask<FlushResult> ConditionNotMetAsync(HttpContext context) =>
        SendAsync(
            context,
            StatusCodes.Status422UnprocessableEntity,
            "Request condition not met",
            "condition_not_met",
            "Request condition not met",
            isSkipped: true);

    /// <summary>The body is larger than the limit; the connection ends, as the rest of the body is not read.</summary>
    public ValueTask<FlushResult> BodyTooLargeAsync(HttpContext context)
    {
        context.Response.Headers.Connection = "close";
        return SendAsync(
            context,
            StatusCodes.Status413PayloadTooLarge,
            "request body too large",
            "body_too_large",
            "The request body is larger than body_limit");
    }

    public ValueTask<FlushResult> OverloadedAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return SendAsync(
            context,
            StatusCodes.Status503ServiceUnavailable,
            "overloaded",
            ErrorCodes.LimitExceeded,
            "Too many requests are under way; try again later");
    }

    public ValueTask<FlushResult> BrokerUnavailableAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return SendAsync(
            context,
            StatusCodes.Status503ServiceUnavailable,
            "broker unavailable",
            ErrorCodes.BrokerUnavailable,
            "The broker cannot be reached at the moment; try again later");
    }

    public ValueTask<FlushResult> TimedOutAsync(HttpContext context) =>
        SendAsync(
            context, StatusCodes.Status504GatewayTimeout, null, ErrorCodes.InvocationTimeout, "The function did not answer in time");

    /// <summary>Something failed behind the route.</summary>
    /// <param name="context">The request.</param>
    /// <param name="errorId">Tells the client's report and the log line to belong together.</param>
    /// <param name="code">The code of the failure.</param>
    /// <param name="message">Its message.</param>
    public ValueTask<FlushResult> FailedAsync(HttpContext context, string errorId, string code, string message) =>
        SendAsync(context, StatusCodes.Status500InternalServerError, "internal server error", code, message, errorId);

    /// <summary>An id for one failure: 12 hex digits.</summary>
    public static string NewErrorId() => RandomNumberGenerator.GetHexString(12, lowercase: true);

    private ValueTask<FlushResult> SendAsync(
        HttpContext context, int status, string? flat, string code, string message, string? errorId = null, bool isSkipped = false) =>
        isEnvelope || flat is not null
            ? responses.SendJsonAsync(context, status, Body(flat, code, message, errorId, isSkipped))
            : responses.SendAsync(context, status, default);

    private byte[] Body(string? flat, string code, string message, string? errorId, bool isSkipped)
    {
        var body = new FrameBuilder(256);
        if (isEnvelope)
        {
            body.Append("{\"error\":{\"code\":"u8);
            body.AppendText(code);
            body.Append(",\"message\":"u8);
            body.AppendText(message);
            AppendErrorId(ref body, errorId);
            body.Append("}"u8);
        }
        else
        {
            body.Append("{\"error\":"u8);
            body.AppendText(flat);
            AppendErrorId(ref body, errorId);
        }

        body.Append(isSkipped ? ",\"skipped\":true}"u8 : "}"u8);
        var frame = body.Build();
        var bytes = frame.Span.ToArray();
        frame.Return();
        return bytes;
    }

    private static void AppendErrorId(ref FrameBuilder body, string? errorId)
    {
        if (errorId is not null)
        {
            body.Append(",\"error_id\":"u8);
            body.AppendText(errorId);
        }
    }
}
