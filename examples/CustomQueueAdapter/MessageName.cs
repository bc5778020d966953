using System.Globalization;

namespace CustomQueueAdapter;

/// <summary>The name of a message's file. It says how the message stands, so that each change is one rename.</summary>
/// <param name="VisibleAt">
/// In ticks of UTC: nobody takes it before. It is the end of a delay, of the pause before the next attempt, or of a lease, which a
/// consumer that is alive moves on. Of a dead letter, the time of its death.
/// </param>
/// <param name="Id">The id of the receipt.</param>
/// <param name="Attempt">How many times it was taken.</param>
internal sealed record MessageName(long VisibleAt, string Id, int Attempt)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{VisibleAt:x16}_{Id}_{Attempt}");

    /// <summary>Null for a file that is no message.</summary>
    public static MessageName? Parse(string file) => Path.GetFileName(file).Split('_') is [var visibleAt, var id, var attempt]
        && long.TryParse(visibleAt, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var ticks)
        && int.TryParse(attempt, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? new MessageName(ticks, id, count) : null;
}
