using System.Net.Mime;
using System.Text;
using MassTransit;

namespace Iii.Adapters.MassTransit.Jobs;

/// <summary>The type of every message that this adapter sends: its bytes, which nobody encodes.</summary>
internal sealed class RawMessage(ReadOnlyMemory<byte> bytes) : MessageBody
{
    private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Fails when the broker does not take the message.</summary>
    public Task Refused => _refused.Task;

    public long? Length => bytes.Length;

    public Stream GetStream() => new MemoryStream(GetBytes(), writable: false);

    public byte[] GetBytes() => bytes.ToArray();

    public string GetString() => Encoding.UTF8.GetString(bytes.Span);

    public void Refuse(Exception why) => _refused.TrySetException(why);

    /// <summary>Puts the bytes on the wire as they are. What they are, the engine says: JSON.</summary>
    public sealed class Serializer : IMessageSerializer
    {
        public static Serializer Instance { get; } = new();

        public ContentType ContentType { get; } = new("application/json");

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class => context.Message as RawMessage
                ?? throw new InvalidOperationException($"Only {nameof(RawMessage)} is sent raw, and not {typeof(T)}.");
    }
}
