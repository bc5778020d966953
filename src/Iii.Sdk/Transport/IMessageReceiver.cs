namespace Iii.Sdk.Transport;

/// <summary>Takes the messages of a link, on its receive loop.</summary>
internal interface IMessageReceiver
{
    /// <summary>Takes one message. The bytes are valid during the call. Must neither block nor throw.</summary>
    /// <param name="message">The message.</param>
    /// <param name="work">Takes what user code has to do about it; run once the next read is under way.</param>
    void Receive(ReadOnlySpan<byte> message, WorkBatch work);
}
