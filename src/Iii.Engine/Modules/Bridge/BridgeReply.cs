using Iii.Protocol;

namespace Iii.Engine.Modules.Bridge;

/// <summary>How a call of the other engine ended. The bytes are its own.</summary>
/// <param name="Value">The result, one JSON value; empty when there is none, or an error.</param>
/// <param name="Error">What went wrong, in the words of protocol §8.2; null on success.</param>
/// <param name="Remote">The other engine's own error; null when there is none, or it did not answer.</param>
internal readonly record struct BridgeReply(byte[] Value, string? Error, (string Code, string Message)? Remote = null)
{
    public const string NotConnected = "iii is not connected";
    public const string TimedOut = "invocation timed out";

    public static BridgeReply Of(in Envelope answer)
    {
        if (!answer.Error.HasValue)
        {
            return new BridgeReply(answer.Result.Raw.ToArray(), null);
        }

        var error = ErrorBody.Read(answer.Error.Raw);
        return new BridgeReply([], RemoteError(error), error);
    }

    public static BridgeReply Failure(string error) => new([], error);

    /// <summary>The words in which an error crosses a bridge, in either direction.</summary>
    public static string RemoteError((string Code, string Message) error) => $"remote error ({error.Code}): {error.Message}";
}
