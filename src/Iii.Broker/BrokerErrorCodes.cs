namespace Iii.Broker;

/// <summary>The stable codes of <see cref="BrokerException"/>. They go over the wire: never change one, only add.</summary>
public static class BrokerErrorCodes
{
    /// <summary>The broker cannot be reached, or did not answer in time. Trying again later may help.</summary>
    public const string BrokerUnavailable = "broker_unavailable";

    /// <summary>A bound of <see cref="BrokerLimits"/> was hit. For a length, trying again helps once there is room; for a size, never.</summary>
    public const string LimitExceeded = "limit_exceeded";

    /// <summary>The adapter does not declare the feature that the call needs.</summary>
    public const string NotSupported = "not_supported";

    /// <summary>A name or key is empty, too long, or has characters that are not allowed.</summary>
    public const string InvalidName = "invalid_name";

    /// <summary>The call contradicts what others hold or do at this moment.</summary>
    public const string Conflict = "conflict";
}
