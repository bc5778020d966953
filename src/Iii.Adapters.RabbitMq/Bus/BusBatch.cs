using System.Buffers;
using System.Buffers.Binary;
using Iii.Adapters.RabbitMq.Connections;
using Iii.Adapters.RabbitMq.Publishing;
using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>
/// The frames of one subject that travel as one AMQP message, which is what the broker's work is counted in.
/// </summary>
/// <remarks>
/// <code>
/// 1 byte   version, 1
/// 8 bytes  number of the batch, which its publisher recognises it by when it comes back; big-endian
/// then for each frame
/// 4 bytes  length of the frame, big-endian
/// n bytes  the frame
/// </code>
/// </remarks>
internal sealed class BusBatch : Publication
{
    public const byte Version = 1;
    public const int HeadBytes = 1 + sizeof(ulong);
    public const int LengthBytes = sizeof(int);

    private const int FirstBytes = 512;

    /// <summary>Nothing is set: not persistent.</summary>
    private static readonly BasicProperties Transient = new();

    private readonly TaskCompletionSource<PublishOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BusOutbox _outbox;
    private readonly ulong _number;
    private byte[] _buffer;
    private int _length;

    public BusBatch(BusOutbox outbox, SubjectLine line, ulong number, int firstFrameBytes)
    {
        (_outbox, Line, _number) = (outbox, line, number);
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBytes, HeadBytes + LengthBytes + firstFrameBytes));
        _buffer[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(_buffer.AsSpan(1), number);
        _length = HeadBytes;
    }

    public SubjectLine Line { get; }

    /// <summary>It was handed to the publisher. Guarded by the outbox's lock.</summary>
    public bool IsInFlight { get; set; }

    public override string Exchange => _outbox.Exchange;

    public override string RoutingKey => Line.Subject;

    public override BasicProperties Properties => Transient;

    public override ReadOnlyMemory<byte> Body => _buffer.AsMemory(0, _length);

    /// <summary>What the frames count for in the outbox.</summary>
    public int Weight => _length - HeadBytes;

    /// <summary>What became of each of its frames.</summary>
    public Task<PublishOutcome> Outcome => _outcome.Task;

    public static int WeightOf(ReadOnlySpan<byte> frame) => LengthBytes + frame.Length;

    public void Add(ReadOnlySpan<byte> frame)
    {
        var length = _length + LengthBytes + frame.Length;
        if (length > _buffer.Length)
        {
            Grow(length);
        }

        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(_length), frame.Length);
        frame.CopyTo(_buffer.AsSpan(_length + LengthBytes));
        _length = length;
    }

    public override bool Matches(BasicReturnEventArgs returned) =>
        returned.Body.Length >= HeadBytes && BinaryPrimitives.ReadUInt64BigEndian(returned.Body.Span[1..]) == _number;

    public override void Confirm()
    {
        if (_outcome.TrySetResult(IsReturned ? PublishOutcome.NobodyListens : PublishOutcome.Sent))
        {
            _outbox.Forget(this);

            // The broker has it, so nobody reads the buffer any more. After a failure that is not so sure.
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    public override void Refuse() => Fail(LinkErrors.Unavailable("RabbitMQ could not take a message (nack)."));

    public override void Fail(BrokerException why)
    {
        if (_outcome.TrySetException(why))
        {
            // Looked at: a publisher that does not wait for its outcome does not care for it either.
            _ = _outcome.Task.Exception;
            _outbox.Forget(this);
        }
    }

    private void Grow(int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, _buffer.Length * 2));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
