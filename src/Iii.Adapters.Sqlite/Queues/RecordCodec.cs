using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Text;
using System.Text.Unicode;
using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Headers and failures as bytes.</summary>
/// <remarks>
/// <para>Headers: a byte with their number; for each its name and its value.</para>
/// <para>Failures: a byte with their number; for each its attempt and its end in ticks of UTC, 8 bytes each, then its code, message, worker and
/// trace.</para>
/// <para>A text: its length in bytes of UTF-8 as a number of 4 bytes, -1 for none at all, then the bytes. Numbers are little-endian. Nothing
/// follows the last item.</para>
/// </remarks>
internal static class RecordCodec
{
    /// <summary>Null, for the column, when there are none.</summary>
    public static byte[]? EncodeHeaders(IReadOnlyDictionary<string, string> headers)
    {
        if (headers.Count == 0)
        {
            return null;
        }

        using var bytes = new MemoryStream();
        bytes.WriteByte((byte)headers.Count);
        foreach (var (name, value) in headers)
        {
            Write(bytes, name);
            Write(bytes, value);
        }

        return bytes.ToArray();
    }

    /// <inheritdoc cref="EncodeHeaders"/>
    public static byte[]? EncodeFailures(IReadOnlyList<AttemptRecord> failures)
    {
        if (failures.Count == 0)
        {
            return null;
        }

        using var bytes = new MemoryStream();
        bytes.WriteByte((byte)failures.Count);
        foreach (var record in failures)
        {
            Write(bytes, record.Attempt);
            Write(bytes, record.At.UtcTicks);
            Write(bytes, record.Failure.Code);
            Write(bytes, record.Failure.Message);
            Write(bytes, record.Failure.Worker);
            Write(bytes, record.Failure.TraceId);
        }

        return bytes.ToArray();
    }

    /// <summary>Null when the bytes are no headers.</summary>
    public static IReadOnlyDictionary<string, string>? DecodeHeaders(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return FrozenDictionary<string, string>.Empty;
        }

        var count = bytes[0];
        bytes = bytes[1..];
        var headers = new Dictionary<string, string>(count, StringComparer.Ordinal);
        for (var i = 0; i < count; i++)
        {
            if (!TryReadText(ref bytes, out var name)
                || name is null
                || !TryReadText(ref bytes, out var value)
                || value is null
                || !headers.TryAdd(name, value))
            {
                return null;
            }
        }

        return bytes.IsEmpty ? headers : null;
    }

    /// <summary>Null when the bytes are no failures.</summary>
    public static IReadOnlyList<AttemptRecord>? DecodeFailures(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return [];
        }

        var failures = new AttemptRecord[bytes[0]];
        bytes = bytes[1..];
        for (var i = 0; i < failures.Length; i++)
        {
            if (!TryReadNumber(ref bytes, out long attempt)
                || !TryReadNumber(ref bytes, out long at)
                || !TryReadText(ref bytes, out var code)
                || code is null
                || !TryReadText(ref bytes, out var message)
                || message is null
                || !TryReadText(ref bytes, out var worker)
                || !TryReadText(ref bytes, out var trace))
            {
                return null;
            }

            failures[i] = new AttemptRecord(
                (int)attempt, StorageClock.ToDate(at), new AttemptFailure(code, message) { Worker = worker, TraceId = trace });
        }

        return bytes.IsEmpty ? failures : null;
    }

    private static void Write(MemoryStream bytes, long value)
    {
        Span<byte> buffer = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(buffer, value);
        bytes.Write(buffer);
    }

    private static void Write(MemoryStream bytes, string? text)
    {
        var encoded = text is null ? [] : Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, text is null ? -1 : encoded.Length);
        bytes.Write(length);
        bytes.Write(encoded);
    }

    private static bool TryReadNumber(ref ReadOnlySpan<byte> bytes, out long value)
    {
        if (!BinaryPrimitives.TryReadInt64LittleEndian(bytes, out value))
        {
            return false;
        }

        bytes = bytes[sizeof(long)..];
        return true;
    }

    private static bool TryReadText(ref ReadOnlySpan<byte> bytes, out string? text)
    {
        text = null;
        if (!BinaryPrimitives.TryReadInt32LittleEndian(bytes, out var length))
        {
            return false;
        }

        bytes = bytes[sizeof(int)..];
        if (length == -1)
        {
            return true;
        }

        if (length < 0 || length > bytes.Length || !Utf8.IsValid(bytes[..length]))
        {
            return false;
        }

        text = Encoding.UTF8.GetString(bytes[..length]);
        bytes = bytes[length..];
        return true;
    }
}
