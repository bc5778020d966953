using Iii.Bench.Wire;

namespace Iii.Bench.Relay;

/// <summary>The reply to a call that came over HTTP: the message as received, and where its result stands.</summary>
internal readonly record struct HttpReply(Message Message, Slice Result, bool Failed)
{
    public ReadOnlySpan<byte> ResultJson => Result.Of(Message.Span);
}
