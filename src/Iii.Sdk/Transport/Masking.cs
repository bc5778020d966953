using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Iii.Sdk.Transport;

/// <summary>The masking of client frames. Not safe for concurrent use.</summary>
/// <remarks>
/// Every frame gets a mask of its own from the system's generator (RFC 6455 §5.3); drawing many at once keeps that cheap.
/// </remarks>
internal sealed class Masking
{
    private const int Drawn = 256;

    private readonly uint[] _masks = new uint[Drawn];
    private int _next = Drawn;

    public uint Next()
    {
        if (_next == Drawn)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_masks.AsSpan()));
            _next = 0;
        }

        return _masks[_next++];
    }

    /// <summary>Copies a payload into a frame, masking it on the way.</summary>
    public static void Copy(ReadOnlySpan<byte> payload, Span<byte> target, uint mask)
    {
        var at = 0;
        if (Vector.IsHardwareAccelerated && payload.Length >= Vector<byte>.Count)
        {
            var wide = Vector.AsVectorByte(new Vector<uint>(mask));
            for (; at <= payload.Length - Vector<byte>.Count; at += Vector<byte>.Count)
            {
                (new Vector<byte>(payload[at..]) ^ wide).CopyTo(target[at..]);
            }
        }

        // A vector is a multiple of four bytes, so the mask starts anew here.
        for (; at < payload.Length; at++)
        {
            target[at] = (byte)(payload[at] ^ (byte)(mask >> (8 * (at & 3))));
        }
    }
}
