namespace Iii.Sdk.Transport;

/// <summary>
/// The frames that wait to be written, encoded one behind the other, and the one writer that takes all of them in a
/// single write. Any thread may append; nobody waits to append.
/// </summary>
/// <remarks>
/// The writer is a work item at the end of the thread pool's queue: what was queued before it still gets into its write.
/// Whoever is done with a <see cref="WorkBatch"/> sooner writes in its place. While the receive loop works through what one
/// read brought, it holds the writer back (<see cref="Cork"/>).
/// </remarks>
internal sealed class OutboundFrames(Stream stream) : IThreadPoolWorkItem
{
    private const int InitialBytes = 16 * 1024;

    /// <summary>A buffer larger than this is not kept.</summary>
    private const int KeptBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Masking _masking = new();
    private byte[] _filling = new byte[InitialBytes];
    private byte[] _writing = new byte[InitialBytes];
    private int _length;
    private long _waiting;
    private bool _isCorked;
    private bool _isQueued;
    private bool _isWriting;
    private bool _isClosed;
    private TaskCompletionSource? _written;

    /// <summary>Bytes appended and not yet written.</summary>
    public long Waiting => Interlocked.Read(ref _waiting);

    /// <summary>Appends a message as one masked frame.</summary>
    /// <returns>False when nothing can be sent any more.</returns>
    public bool TryAppend(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            Reserve(payload.Length + FrameHeader.MaxSize);
            var mask = _masking.Next();
            var head = FrameHeader.Write(_filling.AsSpan(_length), opcode, payload.Length, mask);
            Masking.Copy(payload, _filling.AsSpan(_length + head), mask);
            _length += head + payload.Length;
            Interlocked.Add(ref _waiting, head + payload.Length);
            if (_isCorked || _isWriting || _isQueued)
            {
                return true;
            }

            _isQueued = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    /// <summary>Holds the writer back until <see cref="Uncork"/>.</summary>
    public void Cork()
    {
        lock (_gate)
        {
            _isCorked = true;
        }
    }

    /// <summary>Lets the writer go, on this thread, when there is something to write.</summary>
    public void Uncork()
    {
        lock (_gate)
        {
            _isCorked = false;
        }

        Flush();
    }

    /// <summary>Writes what waits, on this thread, unless it is held back or another thread writes.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_isCorked || _isWriting || _isClosed || _length == 0)
            {
                return;
            }

            _isWriting = true;
        }

        _ = WriteAsync();
    }

    /// <summary>Completes when all that was appended before has been written, or the socket is gone.</summary>
    public Task WrittenAsync()
    {
        lock (_gate)
        {
            if (_isClosed || (_length == 0 && !_isWriting))
            {
                return Task.CompletedTask;
            }

            return (_written ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Takes no more frames, and forgets those that wait.</summary>
    public void Close()
    {
        TaskCompletionSource? written;
        lock (_gate)
        {
            _isClosed = true;
            _length = 0;
            Interlocked.Exchange(ref _waiting, 0);
            (written, _written) = (_written, null);
        }

        written?.TrySetResult();
    }

    void IThreadPoolWorkItem.Execute()
    {
        lock (_gate)
        {
            _isQueued = false;
        }

        Flush();
    }

    private async Task WriteAsync()
    {
        try
        {
            while (Take() is { Length: > 0 } frames)
            {
                await stream.WriteAsync(frames, CancellationToken.None).ConfigureAwait(false);
                Interlocked.Add(ref _waiting, -frames.Length);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The receive loop sees the same end, and cleans up.
            Close();
        }
    }

    private ReadOnlyMemory<byte> Take()
    {
        TaskCompletionSource? written;
        lock (_gate)
        {
            if (_length > 0)
            {
                if (_writing.Length > KeptBytes)
                {
                    _writing = new byte[InitialBytes];
                }

                (_filling, _writing) = (_writing, _filling);
                var taken = _writing.AsMemory(0, _length);
                _length = 0;
                return taken;
            }

            _isWriting = false;
            (written, _written) = (_written, null);
        }

        written?.TrySetResult();
        return default;
    }

    private void Reserve(int size)
    {
        if (_filling.Length - _length < size)
        {
            Array.Resize(ref _filling, checked(Math.Max(_filling.Length * 2, _length + size)));
        }
    }
}
