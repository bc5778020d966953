using System.Text.Encodings.Web;
using System.Text.Json;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// One route: what it matches, what it calls, and those bytes of the function's input that are the same for every request.
/// </summary>
internal sealed class HttpRoute
{
    private readonly byte[] _pathAndMethod;
    private readonly byte[] _trigger;
    private readonly byte[][] _parameterNames;

    public HttpRoute(string functionId, HttpTriggerConfig config)
        : this(functionId, config, RouteMethodNames.NameOf(config.Method), config.Pattern.Text)
    {
    }

    private HttpRoute(string functionId, HttpTriggerConfig config, string methodName, string label)
    {
        FunctionId = functionId;
        Config = config;
        MethodName = methodName;
        Label = label;
        Key = $"{methodName} {config.Pattern.Shape}";
        _pathAndMethod = Json(",\"path\":"u8, config.Pattern.Text, ",\"method\":"u8, methodName, ",\"body\":"u8);
        _trigger = Json(
            ",\"trigger\":{\"type\":\"http\",\"path\":"u8, config.Pattern.Text, ",\"method\":"u8, methodName, default);
        _parameterNames = [.. config.Pattern.Segments.Select(
            static segment => segment.Kind == RouteSegmentKind.Literal ? [] : JsonName(segment.Text))];
    }

    public string FunctionId { get; }

    public HttpTriggerConfig Config { get; }

    /// <summary>The method's name in upper case.</summary>
    public string MethodName { get; }

    /// <summary>The route's name in logs and metrics.</summary>
    public string Label { get; }

    /// <summary>What routes that match the same requests have in common: method and shape.</summary>
    public string Key { get; }

    /// <summary>The input's members <c>path</c> and <c>method</c>, and the name of <c>body</c>.</summary>
    public ReadOnlySpan<byte> PathAndMethodJson => _pathAndMethod;

    /// <summary>The input's member <c>trigger</c> without its closing brace.</summary>
    public ReadOnlySpan<byte> TriggerJson => _trigger;

    /// <summary>Stands in for a path without route: the function for that is called like any other.</summary>
    public static HttpRoute ForUnmatched(string functionId, string methodName, string path) =>
        new(
            functionId,
            new HttpTriggerConfig(RouteMethods.None, RoutePattern.OfPath(path), null, InputMode.Merged, null),
            methodName,
            "(unmatched)");

    /// <summary>A parameter's name with colon, by the index of its segment; empty for a literal.</summary>
    public ReadOnlySpan<byte> ParameterNameJson(int segment) => _parameterNames[segment];

    /// <summary>Text as JSON strings between JSON that stands as it is.</summary>
    private static byte[] Json(ReadOnlySpan<byte> head, string first, ReadOnlySpan<byte> middle, string second, ReadOnlySpan<byte> tail)
    {
        var builder = new FrameBuilder(256);
        builder.Append(head);
        builder.AppendText(first);
        builder.Append(middle);
        builder.AppendText(second);
        builder.Append(tail);
        var frame = builder.Build();
        var bytes = frame.Span.ToArray();
        frame.Return();
        return bytes;
    }

    private static byte[] JsonName(string name) =>
        [(byte)'"', .. JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes, (byte)'"', (byte)':'];
}
