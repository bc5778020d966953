using System.Buffers;
using System.Buffers.Binary;

namespace Iii.Adapters.Redis.Bus;

/// <summary>Frames of one subject that travel in one message, and the outcome that all of them share.</summary>
/// <remarks>
/// <code>
/// batch = version frame+
/// version = 1 byte, 0x01
/// frame = length bytes
/// length = 4 bytes, unsigned, little endian
/// </code>
/// </remarks>
internal sealed class FrameBatch : IOutgoingBatch<ReadOnlySpan<byte>>
{
    /// <summary>What a frame takes besides its own bytes.</summary>
    public const int HeaderBytes = sizeof(uint);

    private const byte Version = 1;
    private const int VersionBytes = 1;

    /// <summary>A batch takes frames until it has so many bytes; one that is larger goes alone.</summary>
    private const int TargetBytes = 64 * 1024;

    private const int InitialBytes = 2 * 1024;

    /// <summary>For the first that asks, which goes on where the answer came in: one caller alone need not wait for a thread.</summary>
    private readonly TaskCompletionSource<PublishOutcome> _firstOutcome = new();

    /// <summary>For the others, which must not wait for each other.</summary>
    private readonly TaskCompletionSource<PublishOutcome> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(InitialBytes);
    private int _length;
    private int _isFirstTaken;

    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>What the frames count in the outgoing buffer.</summary>
    public int CountedBytes => _length - VersionBytes;

    /// <summary>The outcome, for one publisher.</summary>
    public Task<PublishOutcome> TakeOutcome() => Interlocked.Exchange(ref _isFirstTaken, 1) == 0 ? _firstOutcome.Task : _outcome.Task;

    public bool HasRoomFor(ReadOnlySpan<byte> item) => _length + HeaderBytes + item.Length <= TargetBytes;

    public void Append(ReadOnlySpan<byte> item)
    {
        if (_length == 0)
        {
            _buffer[0] = Version;
            _length = VersionBytes;
        }

        var length = _length + HeaderBytes + item.Length;
        if (length > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(length, _buffer.Length * 2));
            Bytes.Span.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_length), (uint)item.Length);
        item.CopyTo(_buffer.AsSpan(_length + HeaderBytes));
        _length = length;
    }

    /// <summary>It was published. A publisher may go on before this returns: it is the last thing to do.</summary>
    public void Complete(PublishOutcome outcome)
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _outcome.SetResult(outcome);
        _firstOutcome.SetResult(outcome);
    }

    /// <summary>It failed; the last thing to do, too. The client may still hold the buffer, so that nobody else may have it.</summary>
    public void Fail(BrokerException exception)
    {
        foreach (var outcome in (TaskCompletionSource<PublishOutcome>[])[_outcome, _firstOutcome])
        {
            outcome.SetException(exception);

            // Whoever published may have gone away; that is no reason to report the exception as unobserved.
            _ = outcome.Task.Exception;
        }
    }

    /// <summary>Takes the next frame off a batch that has come in; an empty rest is its end.</summary>
    /// <returns>False when the bytes are no batch.</returns>
    public static bool TryReadNext(ref ReadOnlyMemory<byte> rest, out ReadOnlyMemory<byte> frame)
    {
        frame = default;
        if (rest.Length < HeaderBytes)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32LittleEndian(rest.Span);
        if (length > rest.Length - HeaderBytes)
        {
            return false;
        }

        frame = rest.Slice(HeaderBytes, (int)length);
        rest = rest[(HeaderBytes + (int)length)..];
        return true;
    }

    /// <summary>Takes the version off a batch that has come in.</summary>
    /// <returns>False when it is none that this can read.</returns>
    public static bool TryReadVersion(ref ReadOnlyMemory<byte> rest)
    {
        if (rest.Length == 0 || rest.Span[0] != Version)
        {
            return false;
        }

        rest = rest[VersionBytes..];
        return true;
    }
}
