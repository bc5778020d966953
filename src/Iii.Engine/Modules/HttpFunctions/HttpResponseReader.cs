using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Iii.Protocol;
using Microsoft.AspNetCore.WebUtilities;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>Makes the outcome of a call from its response (protocol §8.1).</summary>
internal sealed class HttpResponseReader(int maxResponseBytes)
{
    private const int FirstRead = 4096;

    /// <summary>An answer goes into a frame, which nests it one level deeper.</summary>
    private static readonly JsonReaderOptions JsonOptions = new() { MaxDepth = WireLimits.MaxDepth - 1 };

    /// <summary>Reads a response to its end.</summary>
    public async ValueTask<HttpAnswer> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var read = await ReadBodyAsync(response.Content, cancellation);
        var status = (int)response.StatusCode;
        if (!response.IsSuccessStatusCode)
        {
            return new HttpAnswer(default, ReadProblem(status, read));
        }

        if (read is not { } body)
        {
            return HttpAnswer.Failure(
                HttpFunctionErrorCodes.ResponseFailed,
                $"The body of the response has more than {maxResponseBytes} bytes (max_response_bytes of the module)");
        }

        body = Trim(body);
        return body.IsEmpty || IsJson(body.Span)
            ? new HttpAnswer(body, null)
            : HttpAnswer.Failure(HttpFunctionErrorCodes.InvalidResponse, $"The response, HTTP {status}, is not JSON in UTF-8");
    }

    /// <summary>The body; null when it is longer than it may be.</summary>
    private async ValueTask<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpContent content, CancellationToken cancellation)
    {
        var announced = content.Headers.ContentLength ?? 0;
        if (announced > maxResponseBytes)
        {
            return null;
        }

        await using var stream = await content.ReadAsStreamAsync(cancellation);
        var body = new ArrayBufferWriter<byte>((int)Math.Max(announced, FirstRead));
        while (await stream.ReadAsync(body.GetMemory(1), cancellation) is var count and > 0)
        {
            body.Advance(count);
            if (body.WrittenCount > maxResponseBytes)
            {
                return null;
            }
        }

        return body.WrittenMemory;
    }

    private static HttpFunctionProblem ReadProblem(int status, ReadOnlyMemory<byte>? body)
    {
        if (body is { } text && Trim(text) is var json && IsJson(json.Span) && new JsonSlice(json.Span).Find("error"u8) is { IsPresent: true } error)
        {
            return new HttpFunctionProblem(
                error.Find("code"u8).GetString() ?? HttpFunctionErrorCodes.HttpError,
                error.Find("message"u8).GetString() ?? "HTTP request failed");
        }

        // The reason of the status, not the one on the wire: that is the server's free text.
        return new HttpFunctionProblem(
            HttpFunctionErrorCodes.HttpError,
            string.Create(CultureInfo.InvariantCulture, $"HTTP {status} {ReasonPhrases.GetReasonPhrase(status)}").TrimEnd());
    }

    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> body)
    {
        var text = body.Span.StartsWith("\uFEFF"u8) ? body[3..] : body;
        return text.Trim(" \t\r\n"u8);
    }

    private static bool IsJson(ReadOnlySpan<byte> text)
    {
        // The reader looks at the bytes of strings only when they are asked for.
        if (!Utf8.IsValid(text))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(text, JsonOptions);
            while (reader.Read())
            {
            }

            return !text.IsEmpty;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
