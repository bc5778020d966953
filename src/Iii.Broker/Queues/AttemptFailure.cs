namespace Iii.Broker;

/// <summary>Why an attempt failed. It is kept with the message and ends up in its dead letter.</summary>
/// <param name="Code">A stable code, such as the error code of the function's answer.</param>
/// <param name="Message">For people. Cut after <see cref="BrokerLimits.MaxFailureMessageLength"/> characters.</param>
public sealed record AttemptFailure(string Code, string Message)
{
    /// <summary>Code of an attempt whose consumer vanished or stopped before it gave a verdict.</summary>
    public const string ConsumerLost = "consumer_lost";

    /// <summary>Code of an attempt whose handler threw instead of giving a verdict.</summary>
    public const string HandlerFailed = "handler_failed";

    /// <summary>For people. Cut after <see cref="BrokerLimits.MaxFailureMessageLength"/> characters.</summary>
    public string Message { get; init; } = Cut(Message);

    /// <summary>Who made the attempt, if known.</summary>
    public string? Worker { get; init; }

    /// <summary>The trace of the attempt, if there is one.</summary>
    public string? TraceId { get; init; }

    private static string Cut(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        const int Longest = BrokerLimits.MaxFailureMessageLength;
        if (text.Length <= Longest)
        {
            return text;
        }

        // Half of a surrogate pair would not survive a broker that stores UTF-8.
        return text[..(char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest)];
    }
}
