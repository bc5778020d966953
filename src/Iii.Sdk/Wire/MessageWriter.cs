using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Iii.Sdk.Wire;

/// <summary>A buffer to build one message in, values serialised right into it. One per thread is kept.</summary>
internal sealed class MessageWriter : IBufferWriter<byte>, IDisposable
{
    private const int InitialBytes = 1024;

    /// <summary>A larger buffer is not kept.</summary>
    private const int KeptBytes = 256 * 1024;

    [ThreadStatic]
    private static MessageWriter? s_kept;

    private readonly Utf8JsonWriter _json;
    private byte[] _buffer = new byte[InitialBytes];
    private int _length;

    private MessageWriter() => _json = new Utf8JsonWriter(this, new JsonWriterOptions
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = Iii.Protocol.WireLimits.MaxDepth,
        SkipValidation = true,
    });

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>An empty writer. Dispose it to keep it for the next message.</summary>
    public static MessageWriter Rent()
    {
        var writer = s_kept ?? new MessageWriter();
        s_kept = null;
        writer._length = 0;
        return writer;
    }

    public void Dispose()
    {
        if (_buffer.Length <= KeptBytes)
        {
            s_kept = this;
        }
    }

    /// <summary>Forgets what was written from there on.</summary>
    public void Truncate(int length) => _length = length;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _length += bytes.Length;
    }

    public void Append(long number)
    {
        Utf8Formatter.TryFormat(number, GetSpan(20), out var written);
        _length += written;
    }

    /// <summary>Writes text as a JSON string.</summary>
    public void AppendText(ReadOnlySpan<char> text)
    {
        var target = GetSpan((text.Length * 3) + 2);
        target[0] = (byte)'"';
        var written = Encoding.UTF8.GetBytes(text, target[1..]);
        if (JavaScriptEncoder.UnsafeRelaxedJsonEscaping.FindFirstCharacterToEncodeUtf8(target.Slice(1, written)) < 0)
        {
            target[written + 1] = (byte)'"';
            _length += written + 2;
            return;
        }

        Append("\""u8);
        Append(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
        Append("\""u8);
    }

    /// <summary>Serialises a value.</summary>
    public void Append<T>(T value, JsonTypeInfo<T> type)
    {
        _json.Reset(this);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
    }

    /// <summary>Writes a member when it has a value; <paramref name="name"/> with comma, quotes and colon.</summary>
    public void Member(ReadOnlySpan<byte> name, ReadOnlySpan<byte> json)
    {
        if (!json.IsEmpty)
        {
            Append(name);
            Append(json);
        }
    }

    /// <summary>Writes a member of text when there is one; <paramref name="name"/> with comma, quotes and colon.</summary>
    public void Member(ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
        {
            Append(name);
            AppendText(text);
        }
    }

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_length);
    }

    private void Reserve(int size)
    {
        size = Math.Max(size, 1);
        if (_buffer.Length - _length < size)
        {
            Array.Resize(ref _buffer, checked(Math.Max(_buffer.Length * 2, _length + size)));
        }
    }
}
