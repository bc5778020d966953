using System.Globalization;
using System.Text.Json;
using Iii.Broker;
using Iii.Engine.Discovery;

namespace Iii.Engine.Modules.Queue;

/// <summary>Which dead letters are meant. What is null lets all pass.</summary>
/// <param name="FunctionId">Those of this function, as far as it is known: a topic's shared jobs do not say.</param>
/// <param name="ErrorCode">Those that died of this.</param>
/// <param name="After">Those that died at this time or later.</param>
/// <param name="Before">Those that died before this time.</param>
internal sealed record DeadLetterFilter(string? FunctionId, string? ErrorCode, DateTimeOffset? After, DateTimeOffset? Before)
{
    /// <summary>Reads <c>function_id</c>, <c>error_code</c>, <c>failed_after</c> and <c>failed_before</c> of an input.</summary>
    public static DeadLetterFilter Read(EngineCall call, JsonElement input) => new(
        EngineFunctions.Text(call, input, "function_id"),
        EngineFunctions.Text(call, input, "error_code"),
        Time(call, input, "failed_after"),
        Time(call, input, "failed_before"));

    /// <summary>The function of a dead letter; null when it is not known.</summary>
    public static string? FunctionOf(DeadLetterRecord record) => record.Headers.GetValueOrDefault(JobHeaders.FunctionId);

    public bool Fits(DeadLetterRecord record) =>
        (FunctionId is null || FunctionOf(record) == FunctionId || record.Group == QueueNames.OfFunction(FunctionId))
        && (ErrorCode is null || record.Reason.Code == ErrorCode)
        && (After is null || record.DeadAt >= After)
        && (Before is null || record.DeadAt < Before);

    private static DateTimeOffset? Time(EngineCall call, JsonElement input, string name)
    {
        if (!input.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var milliseconds)
            && milliseconds >= 0 && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
        {
            return DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        }

        return value.ValueKind == JsonValueKind.String
            && EngineFunctions.TextOf(call, value, name) is var text
            && IsYearFirst(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw EngineFunctions.Unreadable(
                call, $"'{name}' must be a time: milliseconds since 1970, or ISO 8601 such as '2026-03-01T02:00:00Z'");
    }

    /// <summary>Of other notations one could take the month for the day, or today for the date.</summary>
    private static bool IsYearFirst(string text) => text.Length > 4 && !text.AsSpan(0, 4).ContainsAnyExceptInRange('0', '9') && text[4] == '-';
}
