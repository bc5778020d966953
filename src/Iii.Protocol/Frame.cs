using System.Buffers;

namespace Iii.Protocol;

/// <summary>One message ready to be sent, in a pooled buffer that has one owner.</summary>
/// <remarks>Whoever takes the frame over sends it and then calls <see cref="Return"/> exactly once.</remarks>
public readonly struct Frame : IEquatable<Frame>
{
    private readonly byte[] _buffer;

    internal Frame(byte[] buffer, int length)
    {
        _buffer = buffer;
        Length = length;
    }

    /// <summary>Size in bytes.</summary>
    public int Length { get; }

    /// <summary>The message, UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, Length);

    /// <summary>The message, UTF-8 JSON.</summary>
    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, Length);

    /// <summary>Gives the buffer back to the pool. The frame must not be used after that.</summary>
    public void Return()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    /// <inheritdoc/>
    public bool Equals(Frame other) => ReferenceEquals(_buffer, other._buffer) && Length == other.Length;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Frame other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_buffer, Length);

    /// <summary>Whether both are the same buffer.</summary>
    public static bool operator ==(Frame left, Frame right) => left.Equals(right);

    /// <summary>Whether the two are different buffers.</summary>
    public static bool operator !=(Frame left, Frame right) => !left.Equals(right);
}
