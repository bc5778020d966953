using System.Text;

namespace Iii.Broker;

/// <summary>What is a name, what is a key, and how they are sorted: the same on every adapter.</summary>
/// <remarks>
/// A <em>name</em> (subject, queue, group, lease, claim, header) has 1 to <see cref="BrokerLimits.MaxNameBytes"/> bytes of UTF-8. A
/// <em>key</em> (state scope and key, ordering key, deduplication key) has at most <see cref="BrokerLimits.MaxKeyBytes"/>, and a
/// state scope or key may be empty. Both are well-formed Unicode without control characters (U+0000 to U+001F, U+007F to
/// U+009F); apart from that any character is allowed, case matters, and nothing is normalised. Where a broker allows less, its
/// adapter encodes.
/// </remarks>
public static class BrokerNames
{
    /// <summary>Sorts as the bytes of UTF-8 sort, which is how brokers sort; ordinal comparison of strings differs beyond U+FFFF.</summary>
    public static IComparer<string> Utf8Order { get; } = Comparer<string>.Create(CompareUtf8);

    /// <summary>Checks a name.</summary>
    /// <param name="what">What it names, for the message: <c>subject</c>, <c>queue</c>.</param>
    /// <param name="name">The name.</param>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.InvalidName"/>.</exception>
    public static void CheckName(string what, string name) => Check(what, name, 1, BrokerLimits.MaxNameBytes);

    /// <summary>Checks a key that must not be empty.</summary>
    /// <inheritdoc cref="CheckName"/>
    public static void CheckKey(string what, string name) => Check(what, name, 1, BrokerLimits.MaxKeyBytes);

    /// <summary>Checks a key that may be empty.</summary>
    /// <inheritdoc cref="CheckName"/>
    public static void CheckStateKey(string what, string name) => Check(what, name, 0, BrokerLimits.MaxKeyBytes);

    private static void Check(string what, string name, int minBytes, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(name, what);
        if (name.Length < minBytes)
        {
            throw Invalid($"The {what} is empty; give it 1 to {maxBytes} bytes of text.");
        }

        var isPlain = !name.AsSpan().ContainsAnyExceptInRange(' ', '~');
        var bytes = isPlain ? name.Length : CountUtf8(what, name);
        if (bytes > maxBytes)
        {
            throw Invalid($"The {what} '{name[..Math.Min(32, name.Length)]}…' has {bytes} bytes; at most {maxBytes} are allowed.");
        }
    }

    private static int CountUtf8(string what, string name)
    {
        var bytes = 0;
        for (var i = 0; i < name.Length;)
        {
            if (!Rune.TryGetRuneAt(name, i, out var rune))
            {
                throw Invalid($"The {what} is not well-formed Unicode: half of a surrogate pair at index {i}.");
            }

            if (Rune.IsControl(rune))
            {
                throw Invalid($"The {what} has the control character U+{rune.Value:X4} at index {i}; remove or encode it.");
            }

            bytes += rune.Utf8SequenceLength;
            i += rune.Utf16SequenceLength;
        }

        return bytes;
    }

    private static int CompareUtf8(string? left, string? right)
    {
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == (left?.Length ?? 0) || common == (right?.Length ?? 0))
        {
            return (left?.Length ?? 0).CompareTo(right?.Length ?? 0);
        }

        // At the first difference, a surrogate stands for a code point above everything else in 16 bits.
        var (a, b) = (left![common], right![common]);
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }

    private static BrokerException Invalid(string message) => new(BrokerErrorCodes.InvalidName, message);
}
