using Iii.Adapters.Sqlite.Storage;
using Iii.Broker;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Stores a message. The payload is the caller's until this completes.</summary>
internal sealed class EnqueueOperation(QueueStore store, string queue, QueueMessage message, EnqueueOptions options) : Operation<EnqueueReceipt>
{
    private ReadOnlyMemory<byte>? _payload;

    public EnqueueOptions Options => options;

    public ReadOnlySpan<byte> Payload => message.Payload.Span;

    /// <summary>As bytes; made on the caller's thread, as is the lane.</summary>
    public byte[]? EncodedHeaders { get; } = RecordCodec.EncodeHeaders(message.Headers);

    public long Lane { get; } = Lanes.Of(options.OrderingKey);

    public override void Execute() => Result = store.GetOrAddQueue(queue).Enqueue(this);

    /// <summary>The message as its handler gets it when it need not be read from the file: copied once, for all groups.</summary>
    public StoredMessage ToMessage(long number, DateTimeOffset enqueuedAt) => new(
        number,
        _payload ??= message.Payload.ToArray(),
        RecordCodec.DecodeHeaders(EncodedHeaders)!,
        options.OrderingKey,
        options.Priority,
        enqueuedAt);
}
