using System.Security.Cryptography;
using System.Text;

namespace Iii.Engine.Hosting;

/// <summary>The name of one engine instance, drawn when it starts: what it hands out carries it, so that others know whose it is.</summary>
internal sealed class InstanceId
{
    private const int DrawnLength = 12;

    private readonly byte[] _utf8;

    private InstanceId(string text)
    {
        Text = text;
        _utf8 = Encoding.ASCII.GetBytes(text);
    }

    /// <summary>Twelve hex digits, behind the configured name if there is one; fit for paths and names of any kind.</summary>
    public string Text { get; }

    public ReadOnlySpan<byte> Utf8 => _utf8;

    /// <summary>Draws one.</summary>
    /// <param name="name">What it begins with, for people; null for nothing.</param>
    public static InstanceId New(string? name = null)
    {
        var drawn = RandomNumberGenerator.GetHexString(DrawnLength, lowercase: true);
        return new InstanceId(name is null ? drawn : $"{name}-{drawn}");
    }

    public override string ToString() => Text;
}
