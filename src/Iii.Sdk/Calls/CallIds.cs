using System.Buffers;
using System.Buffers.Text;
using Iii.Protocol;

namespace Iii.Sdk.Calls;

/// <summary>
/// The ids of a worker's calls on the wire: UUIDs whose first half is drawn once for the worker and whose second half is the
/// call's number, so the number alone finds the call.
/// </summary>
/// <remarks>An id comes back as it was sent, so it is compared and read as text; other spellings of it are understood too.</remarks>
internal sealed class CallIds
{
    /// <summary>The size of an id as JSON string.</summary>
    public const int Size = 38;

    /// <summary>Behind the quote and the first half, as in <c>"01234567-89ab-cdef-</c>.</summary>
    private const int NumberAt = 20;

    /// <summary>The second half has a hyphen behind its first digits.</summary>
    private const int DigitsBeforeHyphen = 4;
    private const int Digits = 16;

    private readonly byte[] _prefix = new byte[Size];

    public CallIds()
    {
        _prefix[0] = (byte)'"';
        Utf8Formatter.TryFormat(Guid.NewGuid(), _prefix.AsSpan(1), out _);
        Array.Resize(ref _prefix, NumberAt);
    }

    /// <summary>Writes the id of a call as JSON string into <see cref="Size"/> bytes.</summary>
    public void Write(long number, Span<byte> target)
    {
        _prefix.CopyTo(target);
        var digits = target.Slice(NumberAt + 1, Digits);
        Utf8Formatter.TryFormat(number, digits, out _, new StandardFormat('x', Digits));
        digits[..DigitsBeforeHyphen].CopyTo(target[NumberAt..]);
        digits[DigitsBeforeHyphen - 1] = (byte)'-';
        target[Size - 1] = (byte)'"';
    }

    /// <summary>Reads the number of a call of this worker.</summary>
    /// <returns>False when the id is of nobody here.</returns>
    public bool TryGetNumber(JsonSlice id, out long number)
    {
        if (TryReadNumber(id.Raw, out number))
        {
            return true;
        }

        Span<byte> usual = stackalloc byte[Size];
        if (!id.TryGetGuid(out var uuid) || !Utf8Formatter.TryFormat(uuid, usual[1..], out _))
        {
            return false;
        }

        usual[0] = usual[Size - 1] = (byte)'"';
        return TryReadNumber(usual, out number);
    }

    private bool TryReadNumber(ReadOnlySpan<byte> id, out long number)
    {
        number = 0;
        if (id.Length != Size || !id.StartsWith(_prefix) || id[NumberAt + DigitsBeforeHyphen] != (byte)'-')
        {
            return false;
        }

        Span<byte> digits = stackalloc byte[Digits];
        id.Slice(NumberAt, DigitsBeforeHyphen).CopyTo(digits);
        id.Slice(NumberAt + DigitsBeforeHyphen + 1, Digits - DigitsBeforeHyphen).CopyTo(digits[DigitsBeforeHyphen..]);
        return Utf8Parser.TryParse(digits, out number, out var read, 'x') && read == Digits;
    }
}
