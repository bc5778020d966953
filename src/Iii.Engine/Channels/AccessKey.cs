using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Iii.Engine.Channels;

/// <summary>The secret that opens one end of a channel: 128 bits, written like a UUID. The default value opens nothing.</summary>
internal readonly struct AccessKey
{
    /// <summary>Size of the text.</summary>
    public const int TextLength = 36;

    private const int Size = 16;
    private const int KeysPerBlock = 64;

    // Secrets come from the system, which takes longer to ask than to answer; so a thread asks for many at a time.
    [ThreadStatic]
    private static byte[]? t_block;

    [ThreadStatic]
    private static int t_used;

    private readonly Guid _value;

    private AccessKey(Guid value) => _value = value;

    public static AccessKey Next()
    {
        var block = t_block;
        if (block is null || t_used == block.Length)
        {
            t_block = block ??= new byte[KeysPerBlock * Size];
            RandomNumberGenerator.Fill(block);
            t_used = 0;
        }

        var bytes = block.AsSpan(t_used, Size);
        t_used += Size;
        var key = new AccessKey(MemoryMarshal.Read<Guid>(bytes));
        bytes.Clear();
        return key;
    }

    /// <summary>Whether the text is this key. Takes the same time for every text of the right length.</summary>
    public bool Matches(ReadOnlySpan<char> text)
    {
        Span<char> expected = stackalloc char[TextLength];
        _value.TryFormat(expected, out _);
        return _value != Guid.Empty
            && CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes<char>(expected), MemoryMarshal.AsBytes(text));
    }

    /// <summary>Writes the text.</summary>
    public void Write(Span<byte> destination) => Utf8Formatter.TryFormat(_value, destination, out _);

    public override string ToString() => _value.ToString();
}
