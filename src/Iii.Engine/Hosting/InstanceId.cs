using System.Security.Cryptography;
using System.Text;

namespace Iii.Engine.Hosting;

/// <summary>The name of one engine instance, drawn when it starts: what it hands out carries it, so that others know whose it is.</summary>
internal sealed class InstanceId
{
    private const int Length = 12;

    private readonly byte[] _utf8;

    private InstanceId(string text)
    {
        Text = text;
        _utf8 = Encoding.ASCII.GetBytes(text);
    }

    /// <summary>Twelve hex digits, so it is fit for paths and names of any kind.</summary>
    public string Text { get; }

    public ReadOnlySpan<byte> Utf8 => _utf8;

    public static InstanceId New() => new(RandomNumberGenerator.GetHexString(Length, lowercase: true));

    public override string ToString() => Text;
}
