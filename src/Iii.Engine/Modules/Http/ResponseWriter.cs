using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Primitives;

namespace Iii.Engine.Modules.Http;

/// <summary>Sends responses: with cross-origin headers and the request's id, and with content length when they are complete.</summary>
internal sealed class ResponseWriter(CorsPolicy cors, string? requestIdHeader)
{
    /// <summary>A body up to this many bytes fits into the buffers of the connection, whatever the client does.</summary>
    private const int UnwatchedLength = 16 * 1024;

    private static readonly MinDataRate SlowestReader = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(30));

    private static readonly StringValues JsonType = "application/json";

    /// <summary>Sends a function's result; no result is 204.</summary>
    public ValueTask<FlushResult> SendResultAsync(HttpContext context, ReadOnlyMemory<byte> result)
    {
        if (result.IsEmpty)
        {
            return SendAsync(context, StatusCodes.Status204NoContent, default);
        }

        var headers = context.Response.Headers;
        var envelope = ResponseEnvelope.Read(result);
        ResponseHeaders.Apply(envelope.Headers.Span, headers);
        if (headers.ContentType.Count == 0)
        {
            return SendJsonAsync(context, envelope.Status, envelope.Body);
        }

        // Who names a content type sends text as it is; without one everything is JSON.
        return envelope.Body.Span[0] switch
        {
            (byte)'"' => SendTextAsync(context, envelope.Status, envelope.Body),
            (byte)'n' => SendAsync(context, envelope.Status, default),
            _ => SendAsync(context, envelope.Status, envelope.Body),
        };
    }

    /// <summary>Sends a JSON body.</summary>
    public ValueTask<FlushResult> SendJsonAsync(HttpContext context, int status, ReadOnlyMemory<byte> json)
    {
        if (CanHaveBody(status))
        {
            context.Response.Headers.ContentType = JsonType;
        }

        return SendAsync(context, status, json);
    }

    /// <summary>Sends a response. A body that the status or the method does not allow is left out.</summary>
    public ValueTask<FlushResult> SendAsync(HttpContext context, int status, ReadOnlyMemory<byte> body)
    {
        Begin(context, status);
        if (!CanHaveBody(status))
        {
            return default;
        }

        context.Response.ContentLength = body.Length;
        if (body.Length > UnwatchedLength && context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            // The body is held until the client has taken it: one that takes none of it is cut off.
            rate.MinDataRate = SlowestReader;
        }

        return body.IsEmpty || HttpMethods.IsHead(context.Request.Method) ? default : context.Response.BodyWriter.WriteAsync(body);
    }

    /// <summary>Sends a response that a function has streamed and that has no body.</summary>
    public ValueTask<FlushResult> SendStreamedAsync(HttpContext context, ResponseControl control)
    {
        SetHeaders(context, control);
        return SendAsync(context, control.Status, default);
    }

    /// <summary>Prepares the head of a response that is streamed; it goes out with the first piece.</summary>
    /// <returns>Whether the response can have a body; if not, it is complete.</returns>
    public bool BeginStream(HttpContext context, ResponseControl control)
    {
        SetHeaders(context, control);
        Begin(context, control.Status);
        return CanHaveBody(control.Status) && !HttpMethods.IsHead(context.Request.Method);
    }

    private void Begin(HttpContext context, int status)
    {
        var response = context.Response;
        response.StatusCode = status;
        cors.Apply(context.Request.Headers, response.Headers);
        if (requestIdHeader is not null)
        {
            response.Headers[requestIdHeader] = context.Request.Headers[requestIdHeader];
        }
    }

    private static void SetHeaders(HttpContext context, ResponseControl control)
    {
        foreach (var (name, values) in control.Headers)
        {
            context.Response.Headers[name] = values;
        }
    }

    private static bool CanHaveBody(int status) => status is not
        (StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified);

    private ValueTask<FlushResult> SendTextAsync(HttpContext context, int status, ReadOnlyMemory<byte> json) =>
        json.Span.Contains((byte)'\\')
            ? SendUnescapedAsync(context, status, json)
            : SendAsync(context, status, json[1..^1]);

    private async ValueTask<FlushResult> SendUnescapedAsync(HttpContext context, int status, ReadOnlyMemory<byte> json)
    {
        var text = ArrayPool<byte>.Shared.Rent(json.Length);
        try
        {
            return await SendAsync(context, status, Unescape(json, text));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(text);
        }
    }

    private static ReadOnlyMemory<byte> Unescape(ReadOnlyMemory<byte> json, byte[] text)
    {
        var reader = new Utf8JsonReader(json.Span);
        reader.Read();
        try
        {
            return text.AsMemory(0, reader.CopyString(text));
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair cannot be sent as text; the function gets to see what it wrote.
            return json[1..^1];
        }
    }
}
