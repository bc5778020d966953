using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Iii.Protocol;

/// <summary>Writes bytes one after another into a pooled buffer that grows, and hands it over as a <see cref="Frame"/>.</summary>
/// <remarks>It knows how JSON strings are escaped and nothing else of JSON: the caller writes the punctuation.</remarks>
public ref struct FrameBuilder
{
    private byte[] _buffer;
    private int _length;

    /// <summary>Starts a frame.</summary>
    /// <param name="capacity">The expected size in bytes; a good guess saves a copy.</param>
    public FrameBuilder(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    /// <summary>The bytes written so far.</summary>
    public readonly int Length => _length;

    /// <summary>Writes bytes as they are.</summary>
    public void Append(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        _length += bytes.Length;
    }

    /// <summary>Writes a UUID as a JSON string: lower case, hyphenated.</summary>
    public void AppendUuid(Guid value)
    {
        const int Size = 38;
        var target = Reserve(Size);
        target[0] = (byte)'"';
        Utf8Formatter.TryFormat(value, target[1..], out _);
        target[Size - 1] = (byte)'"';
        _length += Size;
    }

    /// <summary>Writes text as a JSON string. What is not valid UTF-16 becomes U+FFFD.</summary>
    public void AppendText(scoped ReadOnlySpan<char> text)
    {
        var target = Reserve((text.Length * 3) + 2);
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

    /// <summary>Room for at least <paramref name="size"/> more bytes; write there, then call <see cref="Advance"/>.</summary>
    public Span<byte> Reserve(int size)
    {
        if (_buffer.Length - _length < size)
        {
            var larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(_buffer.Length * 2, _length + size)));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        return _buffer.AsSpan(_length);
    }

    /// <summary>Counts bytes written into the span of <see cref="Reserve"/>.</summary>
    public void Advance(int count) => _length += count;

    /// <summary>A copy of what was written; the buffer goes back to the pool. The builder must not be used after that.</summary>
    public byte[] ToArray()
    {
        var bytes = _buffer.AsSpan(0, _length).ToArray();
        Build().Return();
        return bytes;
    }

    /// <summary>Hands the buffer over. The builder must not be used after that.</summary>
    public Frame Build()
    {
        var frame = new Frame(_buffer, _length);
        _buffer = [];
        _length = 0;
        return frame;
    }
}
