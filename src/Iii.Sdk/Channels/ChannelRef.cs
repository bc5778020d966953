using System.Text.Json.Serialization;

namespace Iii.Sdk;

/// <summary>One end of a channel, as it travels inside payloads. Whoever has it can open that end, once.</summary>
/// <example>
/// Send it like any other value:
/// <code>
/// internal sealed record Export(string Table, ChannelRef Target);
/// </code>
/// </example>
/// <param name="ChannelId">The channel.</param>
/// <param name="AccessKey">The proof that this end may be opened.</param>
/// <param name="Direction"><c>read</c> or <c>write</c>.</param>
public sealed record ChannelRef(
    [property: JsonPropertyName("channel_id")] string ChannelId,
    [property: JsonPropertyName("access_key")] string AccessKey,
    [property: JsonPropertyName("direction")] string Direction)
{
    /// <summary>The <see cref="Direction"/> of the end that is read from.</summary>
    public const string Read = "read";

    /// <summary>The <see cref="Direction"/> of the end that is written to.</summary>
    public const string Write = "write";
}
