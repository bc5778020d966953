using System.Globalization;
using System.Text.Json;

namespace Iii.Adapters.Redis.Queues;

/// <summary>What has become of a message so far: <c>«deliveries that ended» «those that do not count any more»</c>, then a line for each failure.</summary>
/// <param name="Deliveries">How many deliveries have ended. It only grows, so that the number of a delivery is never used twice.</param>
/// <param name="Forgotten">Those of them before the message was last redriven.</param>
/// <param name="Failures">The failures since then.</param>
internal sealed record MessageHistory(int Deliveries, int Forgotten, IReadOnlyList<AttemptRecord> Failures)
{
    private const string UnreadableCode = "unreadable_failure";

    public static MessageHistory None { get; } = new(0, 0, []);

    public int Attempts => Deliveries - Forgotten;

    /// <summary>Reads it. What cannot be read of it costs no message: a failure says so, and counts that are none are zero.</summary>
    public static MessageHistory Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return None;
        }

        var lines = text.Split('\n');
        return lines[0].Split(' ') is [var first, var second] && TryParse(first, out var deliveries) && TryParse(second, out var forgotten)
            ? new MessageHistory(deliveries, forgotten, [.. lines.Skip(1).Select(ParseLine)])
            : None;
    }

    /// <summary>The line of a failure.</summary>
    public static string Write(int attempt, AttemptFailure failure, DateTimeOffset at) => JsonSerializer.Serialize(
        new FailureLine(attempt, at.ToUnixTimeMilliseconds(), failure.Code, failure.Message, failure.Worker, failure.TraceId),
        FailureLineJson.Default.FailureLine);

    private static bool TryParse(string text, out int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count);

    private static AttemptRecord ParseLine(string text)
    {
        try
        {
            if (JsonSerializer.Deserialize(text, FailureLineJson.Default.FailureLine) is { Code: { } code, Message: { } message } line)
            {
                return new AttemptRecord(
                    line.Attempt,
                    DateTimeOffset.FromUnixTimeMilliseconds(line.At),
                    new AttemptFailure(code, message) { Worker = line.Worker, TraceId = line.TraceId });
            }
        }
        catch (Exception exception) when (exception is JsonException or ArgumentOutOfRangeException)
        {
            // Told below.
        }

        return new AttemptRecord(0, DateTimeOffset.UnixEpoch, new AttemptFailure(UnreadableCode, text));
    }
}
