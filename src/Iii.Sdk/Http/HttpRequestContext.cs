using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Iii.Protocol;

namespace Iii.Sdk;

/// <summary>One HTTP request, as the engine passed it on.</summary>
public sealed class HttpRequestContext
{
    private readonly ReadOnlyMemory<byte> _body;
    private readonly ChannelRef? _bodyChannel;

    internal HttpRequestContext(ReadOnlyMemory<byte> input, InvocationContext invocation)
    {
        using var document = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth });
        var root = document.RootElement;
        Invocation = invocation;
        Method = Text(root, "method");
        Path = Text(root, "path");
        Headers = Members(root, "headers", StringComparer.OrdinalIgnoreCase).ToDictionary(static member => member.Key, static member => string.Join(", ", member.Value), StringComparer.OrdinalIgnoreCase);
        PathParams = Members(root, "path_params", StringComparer.Ordinal).ToDictionary(static member => member.Key, static member => string.Join('/', member.Value));
        Query = Members(root, "query_params", StringComparer.Ordinal);
        _bodyChannel = RefOf(root, "request_body");
        Response = RefOf(root, "response");
        if (root.TryGetProperty("body", out var body) && body.ValueKind != JsonValueKind.Null)
        {
            _body = Encoding.UTF8.GetBytes(body.GetRawText());
        }
    }

    /// <summary>What is known about the call that brought the request.</summary>
    public InvocationContext Invocation { get; }

    /// <summary>The method, in capitals.</summary>
    public string Method { get; }

    /// <summary>The path of the request, or of its route: as the engine gives it.</summary>
    public string Path { get; }

    /// <summary>The headers; names in any case. Several of one name are joined by commas.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>The values of the route's parameters.</summary>
    public IReadOnlyDictionary<string, string> PathParams { get; }

    /// <summary>The query; a name may have several values.</summary>
    public IReadOnlyDictionary<string, string[]> Query { get; }

    /// <summary>The JSON body, UTF-8; empty when the request has none, or one that is not JSON.</summary>
    public ReadOnlyMemory<byte> JsonBody => _body;

    internal ChannelRef? Response { get; }

    /// <summary>The JSON body as a value; the default value when there is none.</summary>
    public T? ReadJson<T>(JsonTypeInfo<T> type) => _body.IsEmpty ? default : JsonSerializer.Deserialize(_body.Span, type);

    /// <summary>The body as it comes, for uploads. To be opened once, and disposed of.</summary>
    /// <remarks>Of a JSON request it is the parsed body; use <see cref="ReadJson"/> there.</remarks>
    public Stream OpenBody() => !_body.IsEmpty || _bodyChannel is null
        ? new MemoryStream(_body.ToArray(), writable: false)
        : Invocation.Worker.OpenReader(_bodyChannel).AsStream();

    private static string Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : string.Empty;

    private static Dictionary<string, string[]> Members(JsonElement root, string name, StringComparer comparer)
    {
        var members = new Dictionary<string, string[]>(comparer);
        if (root.TryGetProperty(name, out var values) && values.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in values.EnumerateObject())
            {
                members[member.Name] = member.Value.ValueKind == JsonValueKind.Array
                    ? [.. member.Value.EnumerateArray().Select(static item => item.ToString())]
                    : [member.Value.ToString()];
            }
        }

        return members;
    }

    private static ChannelRef? RefOf(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object
            ? new ChannelRef(Text(value, "channel_id"), Text(value, "access_key"), Text(value, "direction"))
            : null;
}
