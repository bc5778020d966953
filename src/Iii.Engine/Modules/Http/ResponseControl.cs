using System.Runtime.InteropServices;
using System.Text.Json;
using Iii.Engine.Channels;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>What a function has said of its streamed response before the body: the status and the headers.</summary>
internal sealed class ResponseControl
{
    /// <summary>The longest text that is looked at, in bytes; a longer one is ignored.</summary>
    public const int MaxTextBytes = 64 * 1024;

    /// <summary>The most headers; those beyond are ignored.</summary>
    public const int MaxHeaders = 256;

    private const int FirstFinalStatus = 200;
    private const int LastStatus = 599;

    private readonly HeaderDictionary _headers = [];

    public int Status { get; private set; } = StatusCodes.Status200OK;

    public IHeaderDictionary Headers => _headers;

    /// <summary>Takes a text message: <c>set_status</c> or <c>set_headers</c>. Anything else, and what cannot be sent, is ignored.</summary>
    public void Apply(in ChannelMessage text)
    {
        if (text.Length > MaxTextBytes)
        {
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(text.Memory);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
            {
                return;
            }

            if (type.ValueEquals("set_status"u8) && root.TryGetProperty("status_code", out var status))
            {
                SetStatus(status);
            }
            else if (type.ValueEquals("set_headers"u8) && root.TryGetProperty("headers", out var headers))
            {
                Merge(headers);
            }
        }
        catch (JsonException)
        {
            // Text that is not JSON is none of the engine's.
        }
    }

    private void SetStatus(JsonElement status)
    {
        // An informational status cannot be the status of a response, so it changes nothing.
        if (status.ValueKind == JsonValueKind.Number && status.TryGetInt32(out var code) && code is >= FirstFinalStatus and <= LastStatus)
        {
            Status = code;
        }
    }

    private void Merge(JsonElement headers)
    {
        var named = new HeaderDictionary();
        ResponseHeaders.Apply(JsonMarshal.GetRawUtf8Value(headers), named);
        foreach (var (name, values) in named)
        {
            if (_headers.Count < MaxHeaders || _headers.ContainsKey(name))
            {
                _headers[name] = values;
            }
        }
    }
}
