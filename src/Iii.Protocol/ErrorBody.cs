using System.Text.Json;

namespace Iii.Protocol;

/// <summary>The error object of the protocol: string members <c>code</c> and <c>message</c>, and whatever else its maker adds.</summary>
public static class ErrorBody
{
    private const string NoMessage = "The function failed and gave no message";

    /// <summary>Writes an error object.</summary>
    public static byte[] Write(string code, string message)
    {
        var frame = new FrameBuilder(64 + code.Length + message.Length);
        frame.Append("{\"code\":"u8);
        frame.AppendText(code);
        frame.Append(",\"message\":"u8);
        frame.AppendText(message);
        frame.Append("}"u8);
        return frame.ToArray();
    }

    /// <summary>
    /// Makes an error that a client sent fit for every client: callers in Rust cannot decode one without string
    /// <c>code</c> and <c>message</c> (protocol §2.11). Members beyond those two are kept.
    /// </summary>
    /// <param name="errorJson">The error as it came; one JSON value.</param>
    /// <returns>The completed error, or null when the given one is complete.</returns>
    public static byte[]? Complete(ReadOnlySpan<byte> errorJson)
    {
        var error = new JsonSlice(errorJson);
        var code = error.Find("code"u8);
        var message = error.IsString ? error : error.Find("message"u8);
        if (code.GetString() is not null && message.GetString() is not null)
        {
            return null;
        }

        var completed = new FrameBuilder(errorJson.Length + 128);
        completed.Append("{\"code\":"u8);
        completed.AppendText(TextOf(code) ?? ErrorCodes.InvocationFailed);
        completed.Append(",\"message\":"u8);
        completed.AppendText(TextOf(message) ?? NoMessage);
        AppendExtras(ref completed, errorJson);
        completed.Append("}"u8);
        return completed.ToArray();
    }

    /// <summary>The members <c>code</c> and <c>message</c> of an error object, with substitutes where they are not there.</summary>
    public static (string Code, string Message) Read(ReadOnlySpan<byte> errorJson)
    {
        var error = new JsonSlice(errorJson);
        return (error.Find("code"u8).GetString() ?? ErrorCodes.InvocationFailed, error.Find("message"u8).GetString() ?? NoMessage);
    }

    private static string? TextOf(JsonSlice value) =>
        value.IsString ? value.GetString() : value.HasValue ? System.Text.Encoding.UTF8.GetString(value.Raw) : null;

    private static void AppendExtras(ref FrameBuilder target, ReadOnlySpan<byte> errorJson)
    {
        var reader = new Utf8JsonReader(errorJson, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isExtra = !reader.NameIs("code"u8) && !reader.NameIs("message"u8);
            var start = (int)reader.TokenStartIndex;
            reader.Read();
            reader.Skip();
            if (isExtra)
            {
                target.Append(","u8);
                target.Append(errorJson[start..(int)reader.BytesConsumed]);
            }
        }
    }
}
