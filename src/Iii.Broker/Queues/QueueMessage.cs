using System.Collections.ObjectModel;

namespace Iii.Broker;

/// <summary>What is enqueued.</summary>
/// <param name="Payload">Opaque, at most <see cref="BrokerLimits.MaxMessageBytes"/>; may be empty.</param>
public sealed record QueueMessage(ReadOnlyMemory<byte> Payload)
{
    /// <summary>
    /// Small texts that travel with the message, such as the trace context: at most <see cref="BrokerLimits.MaxHeaders"/> with
    /// <see cref="BrokerLimits.MaxHeaderBytes"/> together. Names are names as in <see cref="BrokerNames"/>; values are any text.
    /// </summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = ReadOnlyDictionary<string, string>.Empty;
}
