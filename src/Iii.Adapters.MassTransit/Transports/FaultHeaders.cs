using System.Globalization;
using Iii.Broker;
using MassTransit;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>The headers of a dead letter: those that MassTransit itself writes, so that its tools understand them.</summary>
internal static class FaultHeaders
{
    public static void Write(SendHeaders headers, AttemptFailure reason, string jobs, int attempts)
    {
        headers.Set(MessageHeaders.Reason, "fault");
        headers.Set(MessageHeaders.FaultExceptionType, reason.Code);
        headers.Set(MessageHeaders.FaultMessage, reason.Message);
        headers.Set(MessageHeaders.FaultTimestamp, DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture));
        headers.Set(MessageHeaders.FaultInputAddress, $"queue:{jobs}");
        headers.Set(MessageHeaders.FaultRetryCount, Math.Max(0, attempts - 1).ToString(CultureInfo.InvariantCulture));
    }
}
