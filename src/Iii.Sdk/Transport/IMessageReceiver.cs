namespace Iii.Sdk.Transport;

/// <summary>Takes the messages of a link, on its receive loop.</summary>
internal interface IMessageReceiver
{
    /// <summary>Takes one message. The bytes are valid during the call. Must neither block nor throw.</summary>
    void Receive(ReadOnlySpan<byte> message);
}
