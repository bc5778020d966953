using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Iii.Engine.Channels;

/// <summary>What a request for a channel's end asks for.</summary>
/// <param name="ChannelId">The channel.</param>
/// <param name="Key">The end's key; null when there is none.</param>
/// <param name="Direction">The end; null when it is not named, or wrongly.</param>
internal readonly record struct ChannelAddress(string ChannelId, string? Key, ChannelDirection? Direction)
{
    private const string Marker = "/ws/channels/";

    /// <summary>Reads a request; null when it is for no channel.</summary>
    /// <remarks>
    /// SDKs put the channel's path behind the address they were given. With a path in the address it is a prefix here; with a
    /// query in the address the whole of it ends up in the last value of that query.
    /// </remarks>
    public static ChannelAddress? Find(HttpRequest request)
    {
        var path = request.Path.Value ?? "";
        var query = request.QueryString.Value ?? "";
        if (path.LastIndexOf(Marker, StringComparison.Ordinal) is >= 0 and var inPath)
        {
            return Read(path[(inPath + Marker.Length)..], query);
        }

        if (query.IndexOf(Marker, StringComparison.Ordinal) is not (>= 0 and var inQuery))
        {
            return null;
        }

        var rest = query[(inQuery + Marker.Length)..];
        var end = rest.AsSpan().IndexOfAny('?', '&');
        return end < 0 ? Read(rest, "") : Read(Uri.UnescapeDataString(rest[..end]), rest[(end + 1)..]);
    }

    private static ChannelAddress Read(string id, string query)
    {
        var values = QueryHelpers.ParseQuery(query);
        return new ChannelAddress(
            id,
            values.TryGetValue("key", out var key) ? key[^1] : null,
            values.TryGetValue("dir", out var direction)
                ? direction[^1] switch { "read" => ChannelDirection.Read, "write" => ChannelDirection.Write, _ => null }
                : null);
    }
}
