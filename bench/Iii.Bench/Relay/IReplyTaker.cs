using Iii.Bench.Wire;

namespace Iii.Bench.Relay;

/// <summary>Whoever waits for a reply: an HTTP request here, or the socket of the calling worker.</summary>
internal interface IReplyTaker
{
    /// <summary>Takes the reply and with it the message's array.</summary>
    void Take(Message message, in Envelope envelope);
}
