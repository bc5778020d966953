using Iii.Protocol;

namespace Iii.Engine.Modules.Bridge;

/// <summary>How a call of the other engine ended. The bytes are its own.</summary>
/// <param name="Value">The result, one JSON value; empty when there is none, or an error.</param>
/// <param name="Error">What went wrong, in the words of protocol §8.2; null on success.</param>
internal readonly record struct BridgeReply(byte[] Value, string? Error)
{
    public const string NotConnected = "iii is not connected";
    public const string TimedOut = "invocation timed out";

    public static BridgeReply Of(in Envelope answer) =>
        answer.Error.HasValue ? new BridgeReply([], RemoteError(ErrorBody.Read(answer.Error.Raw))) : new BridgeReply(answer.Result.Raw.ToArray(), null);

    public static BridgeReply Failure(string error) => new([], error);

    /// <summary>The words in which an error crosses a bridge, in either direction.</summary>
    public static string RemoteError((string Code, string Message) error) => $"remote error ({error.Code}): {error.Message}";
}
