using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// Sets the headers that a function asks for: a map of names to a string, a number, a boolean or an array of those (several
/// headers of one name), or an array of texts <c>"Name: value"</c>. What cannot be sent is left out.
/// </summary>
internal static class ResponseHeaders
{
    private static readonly SearchValues<char> NameText =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private static readonly SearchValues<char> ValueText =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(static c => (char)c), '\t']);

    // How the message is framed is not the function's business.
    private static readonly FrozenSet<string> Framing = FrozenSet.ToFrozenSet(
        ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Sets the headers of an envelope.</summary>
    public static void Apply(ReadOnlySpan<byte> json, IHeaderDictionary target)
    {
        if (json.IsEmpty)
        {
            return;
        }

        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        reader.Read();
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            ApplyMap(ref reader, target);
        }
        else if (reader.TokenType == JsonTokenType.StartArray)
        {
            ApplyLines(ref reader, target);
        }
    }

    private static void ApplyMap(ref Utf8JsonReader reader, IHeaderDictionary target)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = TextOf(ref reader);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray)
            {
                Set(target, name, TextOf(ref reader), isOneOfSeveral: false);
                reader.Skip();
                continue;
            }

            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Set(target, name, TextOf(ref reader), isOneOfSeveral: true);
                reader.Skip();
            }
        }
    }

    private static void ApplyLines(ref Utf8JsonReader reader, IHeaderDictionary target)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (TextOf(ref reader) is { } line && line.IndexOf(':') is > 0 and var colon)
            {
                Set(target, line[..colon].Trim(), line[(colon + 1)..], isOneOfSeveral: true);
            }

            reader.Skip();
        }
    }

    private static void Set(IHeaderDictionary target, string? name, string? value, bool isOneOfSeveral)
    {
        value = value?.Trim(' ', '\t');
        if (string.IsNullOrEmpty(name) || value is null || Framing.Contains(name)
            || name.AsSpan().ContainsAnyExcept(NameText) || value.AsSpan().ContainsAnyExcept(ValueText))
        {
            return;
        }

        if (isOneOfSeveral && !name.Equals("content-type", StringComparison.OrdinalIgnoreCase))
        {
            target.Append(name, value);
        }
        else
        {
            target[name] = value;
        }
    }

    private static string? TextOf(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String or JsonTokenType.PropertyName:
                try
                {
                    return reader.GetString();
                }
                catch (InvalidOperationException)
                {
                    // An escape that is half a surrogate pair is JSON and no text.
                    return null;
                }

            case JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False:
                return Encoding.ASCII.GetString(reader.ValueSpan);
            default:
                return null;
        }
    }
}
