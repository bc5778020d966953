using System.Buffers;
using System.Text;
using Iii.Engine.Channels;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Iii.Engine.Modules.Http;

/// <summary>Writes what a function is called with (http-queue-pubsub-cron §1.4), straight into a pooled buffer.</summary>
internal sealed class RequestInputWriter(ClientAddress clientAddress, string? requestIdHeader)
{
    private const int UsualSize = 1536;

    private static readonly SearchValues<char> HeaderText =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c), '\t']);

    /// <summary>Writes the input.</summary>
    /// <param name="context">The request.</param>
    /// <param name="route">Its route.</param>
    /// <param name="target">Its target.</param>
    /// <param name="json">Its body when it says it is JSON, else nothing.</param>
    /// <param name="channels">Its channels; null when the function gets none.</param>
    public RequestInput Write(
        HttpContext context, HttpRoute route, RequestTarget target, ReadOnlySpan<byte> json, RequestChannels? channels)
    {
        var (channelsStart, channelsLength) = (0, 0);
        var mode = route.Config.Input;
        var body = JsonBody.Read(json, mode == InputMode.Merged);
        var frame = new FrameBuilder(UsualSize + (json.Length * 2));
        if (mode == InputMode.Body)
        {
            frame.Append(OrNull(body.Value));
        }
        else
        {
            frame.Append("{\"query_params\":"u8);
            QueryString.WriteJson(ref frame, target.Query);
            frame.Append(",\"path_params\":{"u8);
            WritePathParams(ref frame, route, target.Path);
            frame.Append("},\"headers\":{"u8);
            WriteHeaders(ref frame, context.Request.Headers);
            frame.Append("}"u8);
            frame.Append(route.PathAndMethodJson);
            frame.Append(OrNull(body.Value));
            frame.Append(route.TriggerJson);
            if (mode == InputMode.Merged)
            {
                WriteOrigin(ref frame, context);
            }

            frame.Append("}"u8);
            channelsStart = frame.Length;
            WriteChannelRefs(ref frame, channels);
            channelsLength = frame.Length - channelsStart;
            body.MoveMembersTo(ref frame);
            frame.Append("}"u8);
        }

        return Finish(ref frame, context, channelsStart, channelsLength);
    }

    private static RequestInput Finish(ref FrameBuilder frame, HttpContext context, int channelsStart, int channelsLength)
    {
        var dataLength = frame.Length;
        WriteIf(ref frame, context.Request.Headers.TraceParent, TraceContext.IsTraceParent);
        var traceParentLength = frame.Length - dataLength;
        WriteIf(ref frame, context.Request.Headers.Baggage, TraceContext.IsBaggage);
        return new RequestInput(frame.Build(), dataLength, channelsStart, channelsLength, traceParentLength);
    }

    /// <summary>Writes what a middleware is called with: the request without its body.</summary>
    public static RequestInput WriteForMiddleware(HttpContext context, HttpRoute route, RequestTarget target)
    {
        var frame = new FrameBuilder(UsualSize);
        frame.Append("{\"phase\":\"preHandler\",\"request\":{\"path_params\":{"u8);
        WritePathParams(ref frame, route, target.Path);
        frame.Append("},\"query_params\":"u8);
        QueryString.WriteJson(ref frame, target.Query);
        frame.Append(",\"headers\":{"u8);
        WriteHeaders(ref frame, context.Request.Headers);
        frame.Append("},\"method\":"u8);
        frame.AppendText(route.MethodName);
        frame.Append("},\"context\":{}}"u8);
        return Finish(ref frame, context, 0, 0);
    }

    private static ReadOnlySpan<byte> OrNull(ReadOnlySpan<byte> json) => json.IsEmpty ? "null"u8 : json;

    private static void WritePathParams(ref FrameBuilder frame, HttpRoute route, ReadOnlySpan<char> path)
    {
        // The path has the pattern's shape, so the n-th segment of one is the n-th of the other.
        var segments = route.Config.Pattern.Segments;
        var isFirst = true;
        for (var i = 0; i < segments.Length; i++)
        {
            path = path[1..];
            var slash = path.IndexOf('/');
            var end = slash < 0 || segments[i].Kind == RouteSegmentKind.Wildcard ? path.Length : slash;
            if (segments[i].Kind != RouteSegmentKind.Literal)
            {
                frame.Append(isFirst ? default : ","u8);
                frame.Append(route.ParameterNameJson(i));
                frame.AppendText(path[..end]);
                isFirst = false;
            }

            path = path[end..];
        }
    }

    private static void WriteHeaders(ref FrameBuilder frame, IHeaderDictionary headers)
    {
        var separator = default(ReadOnlySpan<byte>);
        foreach (var (name, values) in headers)
        {
            if (name.StartsWith(':'))
            {
                // HTTP/2 has parts of its request line among the headers.
                continue;
            }

            frame.Append(separator);
            WriteLowerCase(ref frame, name);
            frame.Append(":"u8);
            frame.AppendText(TextOf(values));
            separator = ","u8;
        }
    }

    private static void WriteLowerCase(ref FrameBuilder frame, string name)
    {
        const int Usual = 128;
        var lower = name.Length <= Usual ? stackalloc char[Usual] : new char[name.Length];
        Ascii.ToLower(name, lower, out var length);
        frame.AppendText(lower[..length]);
    }

    private static string TextOf(StringValues values)
    {
        var last = values.Count == 0 ? "" : values[^1] ?? "";
        return last.AsSpan().ContainsAnyExcept(HeaderText) ? "" : last;
    }

    private static void WriteIf(ref FrameBuilder frame, StringValues values, Func<ReadOnlySpan<char>, bool> isFit)
    {
        if (values.Count == 1 && isFit(values[0]))
        {
            frame.AppendText(values[0]);
        }
    }

    // After the request's own members and before those of the body, so that no body can put a reference of its own first.
    private static void WriteChannelRefs(ref FrameBuilder frame, RequestChannels? channels)
    {
        if (channels is not null)
        {
            var instance = channels.Directory.Instance;
            frame.Append(",\"request_body\":"u8);
            ChannelRef.Append(ref frame, channels.RequestBody, ChannelDirection.Read, instance);
            frame.Append(",\"response\":"u8);
            ChannelRef.Append(ref frame, channels.Response, ChannelDirection.Write, instance);
        }
    }

    private void WriteOrigin(ref FrameBuilder frame, HttpContext context)
    {
        Span<char> address = stackalloc char[ClientAddress.MaxLength];
        var length = clientAddress.Write(context, address);
        if (length > 0)
        {
            frame.Append(",\"client_ip\":"u8);
            frame.AppendText(address[..length]);
        }

        if (requestIdHeader is not null)
        {
            frame.Append(",\"request_id\":"u8);
            frame.AppendText(context.Request.Headers[requestIdHeader].ToString());
        }
    }
}
