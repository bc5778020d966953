using System.Text;

namespace Iii.Sdk;

/// <summary>One message of a channel.</summary>
/// <param name="IsText">Whether it is text, the side band; otherwise it is a piece of the byte stream.</param>
/// <param name="Data">Its bytes; of a text, UTF-8.</param>
public readonly record struct ChannelMessage(bool IsText, ReadOnlyMemory<byte> Data)
{
    /// <summary>The message as text.</summary>
    public string GetText() => Encoding.UTF8.GetString(Data.Span);
}
