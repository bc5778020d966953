using System.Text.Json;
using Iii.Protocol;

namespace Iii.Sdk.Wire;

/// <summary>Checks raw JSON where the user hands it over, so that a mistake shows there and not in the engine's log.</summary>
internal static class JsonCheck
{
    private const int MaxQuoted = 80;

    /// <exception cref="ArgumentException">It is not one JSON value.</exception>
    public static void Require(ReadOnlySpan<byte> json, string argument)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        try
        {
            if (reader.Read())
            {
                reader.Skip();
                reader.Read();
                return;
            }
        }
        catch (JsonException e)
        {
            var text = System.Text.Encoding.UTF8.GetString(json[..Math.Min(json.Length, MaxQuoted)]);
            throw new ArgumentException($"'{text}' is not JSON: {e.Message}", argument, e);
        }

        throw new ArgumentException("Nothing was given where one JSON value is needed; write null for none.", argument);
    }

    /// <summary>The member as bytes, or null when the text is null.</summary>
    public static byte[]? Encode(string? json, string argument)
    {
        if (json is null)
        {
            return null;
        }

        var bytes = System.Text.Encoding.UTF8.GetBytes(json);
        Require(bytes, argument);
        return bytes;
    }
}
