using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace Iii.Protocol;

/// <summary>
/// One JSON value as the bytes it had on the wire, neither decoded nor copied. Empty when the member was absent.
/// </summary>
/// <remarks>The bytes belong to the received frame: they are valid until the frame's buffer is used again.</remarks>
public readonly ref struct JsonSlice(ReadOnlySpan<byte> raw)
{
    /// <summary>The bytes, quotes and brackets included; empty when absent.</summary>
    public ReadOnlySpan<byte> Raw { get; } = raw;

    /// <summary>Whether the member was there, be it <c>null</c>.</summary>
    public bool IsPresent => !Raw.IsEmpty;

    /// <summary>Whether there is a value: the member was there and is not <c>null</c>.</summary>
    public bool HasValue => !Raw.IsEmpty && Raw[0] != (byte)'n';

    /// <summary>Whether the value is a string.</summary>
    public bool IsString => !Raw.IsEmpty && Raw[0] == (byte)'"';

    /// <summary>Whether the value is an object.</summary>
    public bool IsObject => !Raw.IsEmpty && Raw[0] == (byte)'{';

    /// <summary>The decoded text of a string value, or null when the value is no string, or not valid Unicode.</summary>
    public string? GetString()
    {
        if (!IsString)
        {
            return null;
        }

        var reader = new Utf8JsonReader(Raw);
        reader.Read();
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate escape is legal JSON and no text.
            return null;
        }
    }

    /// <summary>Decodes a string value into <paramref name="destination"/> without allocating.</summary>
    /// <returns>The number of characters, or -1 when the value is no string, not valid Unicode, or longer than the destination.</returns>
    public int GetString(Span<char> destination)
    {
        if (!IsString)
        {
            return -1;
        }

        var content = Raw[1..^1];
        if (content.IndexOf((byte)'\\') < 0)
        {
            return System.Text.Unicode.Utf8.ToUtf16(content, destination, out _, out var written, replaceInvalidSequences: false)
                == OperationStatus.Done ? written : -1;
        }

        if (Raw.Length > destination.Length)
        {
            return -1;
        }

        var reader = new Utf8JsonReader(Raw);
        reader.Read();
        try
        {
            return reader.CopyString(destination);
        }
        catch (InvalidOperationException)
        {
            return -1;
        }
    }

    /// <summary>Reads a string value as UUID: hyphenated in any case, bare 32 digits, braced, or <c>urn:uuid:</c>.</summary>
    public bool TryGetGuid(out Guid value)
    {
        value = default;
        if (!IsString || Raw.Length > 64)
        {
            return false;
        }

        var content = Raw[1..^1];
        if (content.Length == 36)
        {
            return Utf8Parser.TryParse(content, out value, out var consumed, 'D') && consumed == 36;
        }

        if (content.StartsWith("urn:uuid:"u8))
        {
            content = content["urn:uuid:"u8.Length..];
        }

        var format = content.Length switch { 32 => 'N', 36 => 'D', 38 => 'B', _ => '\0' };
        return format != '\0' && Utf8Parser.TryParse(content, out value, out var used, format) && used == content.Length;
    }

    /// <summary>A member of an object value: the last one of that name; absent when there is none, or the value is no object.</summary>
    public JsonSlice Find(ReadOnlySpan<byte> name)
    {
        var found = default(JsonSlice);
        if (!IsObject)
        {
            return found;
        }

        var reader = new Utf8JsonReader(Raw, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isWanted = reader.NameIs(name);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isWanted)
            {
                found = new JsonSlice(Raw[start..(int)reader.BytesConsumed]);
            }
        }

        return found;
    }
}
