using System.Buffers;

namespace Iii.Engine.Channels;

/// <summary>One message in a channel, in a pooled buffer that has one owner.</summary>
/// <remarks>Whoever takes the message over reads it and then calls <see cref="Return"/> exactly once.</remarks>
internal readonly struct ChannelMessage
{
    private readonly byte[] _rented;

    /// <summary>Takes a rented buffer over.</summary>
    public ChannelMessage(byte[] rented, int length, bool isText)
    {
        _rented = rented;
        Length = length;
        IsText = isText;
    }

    /// <summary>Size in bytes.</summary>
    public int Length { get; }

    /// <summary>Whether it came, and goes, as text; such messages are a side band to the bytes.</summary>
    public bool IsText { get; }

    public ReadOnlyMemory<byte> Memory => _rented.AsMemory(0, Length);

    public ReadOnlySpan<byte> Span => _rented.AsSpan(0, Length);

    /// <summary>Copies bytes into a message.</summary>
    public static ChannelMessage CopyOf(in ReadOnlySequence<byte> bytes, bool isText = false)
    {
        var length = (int)bytes.Length;
        var rented = ArrayPool<byte>.Shared.Rent(length);
        bytes.CopyTo(rented);
        return new ChannelMessage(rented, length, isText);
    }

    /// <summary>Gives the buffer back to the pool.</summary>
    public void Return()
    {
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
        }
    }
}
