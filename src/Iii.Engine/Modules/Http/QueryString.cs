using System.Buffers;
using System.Globalization;
using System.Text;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>Writes a query as JSON object: form decoding, one string per name, of several the last.</summary>
internal static class QueryString
{
    // Up to here comparing every pair with every later one is cheaper than a set.
    private const int SmallCount = 12;

    public static void WriteJson(ref FrameBuilder target, ReadOnlySpan<char> query)
    {
        if (query.IsEmpty)
        {
            target.Append("{}"u8);
            return;
        }

        var count = query.Count('&') + 1;
        var text = ArrayPool<char>.Shared.Rent(query.Length);
        var pairs = ArrayPool<Pair>.Shared.Rent(count);
        count = Decode(query, text, pairs);
        DropEarlier(pairs.AsSpan(0, count), text);

        var separator = "{"u8;
        foreach (var pair in pairs.AsSpan(0, count))
        {
            if (!pair.IsDropped)
            {
                target.Append(separator);
                target.AppendText(pair.Name(text));
                target.Append(":"u8);
                target.AppendText(pair.Value(text));
                separator = ","u8;
            }
        }

        target.Append(count == 0 ? "{}"u8 : "}"u8);
        ArrayPool<char>.Shared.Return(text);
        ArrayPool<Pair>.Shared.Return(pairs);
    }

    private static int Decode(ReadOnlySpan<char> query, Span<char> text, Span<Pair> pairs)
    {
        var count = 0;
        var used = 0;
        foreach (var range in query.Split('&'))
        {
            var part = query[range];
            if (part.IsEmpty)
            {
                continue;
            }

            var equals = part.IndexOf('=');
            var nameLength = Decode(equals < 0 ? part : part[..equals], text[used..]);
            var valueLength = equals < 0 ? 0 : Decode(part[(equals + 1)..], text[(used + nameLength)..]);
            pairs[count++] = new Pair(used, nameLength, valueLength, IsDropped: false);
            used += nameLength + valueLength;
        }

        return count;
    }

    // Decoded text is never longer than encoded text: three characters make at most one.
    private static int Decode(ReadOnlySpan<char> encoded, Span<char> text)
    {
        encoded.CopyTo(text);
        var decoded = text[..encoded.Length];
        decoded.Replace('+', ' ');
        return decoded.Contains('%') ? DecodePercent(decoded) : encoded.Length;
    }

    private static int DecodePercent(Span<char> text)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length
                && byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes[length++] = value;
                i += 2;
            }
            else
            {
                length += Encoding.UTF8.GetBytes(text.Slice(i, 1), bytes.AsSpan(length));
            }
        }

        // What is not UTF-8 becomes U+FFFD.
        var written = Encoding.UTF8.GetChars(bytes.AsSpan(0, length), text);
        ArrayPool<byte>.Shared.Return(bytes);
        return written;
    }

    private static void DropEarlier(Span<Pair> pairs, ReadOnlySpan<char> text)
    {
        if (pairs.Length <= SmallCount)
        {
            for (var i = 0; i < pairs.Length - 1; i++)
            {
                foreach (var later in pairs[(i + 1)..])
                {
                    if (pairs[i].Name(text).SequenceEqual(later.Name(text)))
                    {
                        pairs[i] = pairs[i] with { IsDropped = true };
                        break;
                    }
                }
            }

            return;
        }

        var seen = new HashSet<string>(pairs.Length, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        for (var i = pairs.Length - 1; i >= 0; i--)
        {
            if (!seen.Add(pairs[i].Name(text)))
            {
                pairs[i] = pairs[i] with { IsDropped = true };
            }
        }
    }

    private readonly record struct Pair(int Start, int NameLength, int ValueLength, bool IsDropped)
    {
        public ReadOnlySpan<char> Name(ReadOnlySpan<char> text) => text.Slice(Start, NameLength);

        public ReadOnlySpan<char> Value(ReadOnlySpan<char> text) => text.Slice(Start + NameLength, ValueLength);
    }
}
