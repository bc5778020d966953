namespace Iii.Engine.Channels;

/// <summary>
/// A bounded queue of messages from one writer to one reader. Each end is claimed once: by a worker's socket, or by a part of
/// the engine, which uses the methods here just as the sockets do.
/// </summary>
/// <remarks>
/// Thread-safe between the ends; each end is used by one caller at a time. A channel that nobody opens is one small object:
/// everything else is made when it is needed, because every HTTP request has two.
/// The object is its own lock, to spare a second one.
/// </remarks>
internal sealed class MessageChannel
{
    /// <summary>Messages that may wait, unless the creator asks for another number.</summary>
    public const int DefaultBufferSize = 64;

    /// <summary>The most messages that may wait.</summary>
    public const int MaxBufferSize = 1024;

    /// <summary>Bytes that may wait, however few messages they are; a single larger message is taken when nothing else waits.</summary>
    public const int BufferBytes = 1024 * 1024;

    private readonly ChannelDirectory _directory;
    private readonly AccessKey _readKey;
    private readonly AccessKey _writeKey;
    private Queue<ChannelMessage>? _messages;
    private TaskCompletionSource? _waitingReader;
    private TaskCompletionSource? _waitingWriter;
    private TaskCompletionSource? _readerGone;
    private Action<object>? _onClaimed;
    private object? _onClaimedState;
    private int _bytes;
    private ChannelEnding _ending;
    private bool _isReaderClaimed;
    private bool _isWriterClaimed;
    private bool _isReaderGone;

    public MessageChannel(
        ChannelDirectory directory, Guid id, AccessKey readKey, AccessKey writeKey, int bufferSize, string? creator, long created)
    {
        _directory = directory;
        Id = id;
        _readKey = readKey;
        _writeKey = writeKey;
        BufferSize = bufferSize;
        Creator = creator;
        Created = created;
    }

    public Guid Id { get; }

    /// <summary>Messages that may wait.</summary>
    public int BufferSize { get; }

    /// <summary>The worker that asked for it; null when a part of the engine did, which then also removes it.</summary>
    public string? Creator { get; }

    /// <summary>When it was made, on the directory's clock.</summary>
    public long Created { get; }

    /// <summary>When its creator was first seen to be gone; the directory's note, 0 while it is there.</summary>
    public long Orphaned { get; set; }

    /// <summary>How the writing ended, if it has.</summary>
    public ChannelEnding Ending
    {
        get
        {
            lock (this)
            {
                return _ending;
            }
        }
    }

    public bool IsReaderClaimed => Volatile.Read(ref _isReaderClaimed);

    public bool IsWriterClaimed => Volatile.Read(ref _isWriterClaimed);

    /// <summary>Ends when the reader has gone: nothing that is written from then on arrives.</summary>
    public Task ReaderGone
    {
        get
        {
            lock (this)
            {
                _readerGone ??= NewSignal();
                if (_isReaderGone)
                {
                    _readerGone.TrySetResult();
                }

                return _readerGone.Task;
            }
        }
    }

    /// <summary>The secret of an end.</summary>
    public AccessKey KeyOf(ChannelDirection direction) => direction == ChannelDirection.Read ? _readKey : _writeKey;

    /// <summary>Has an action run, once, when the first end is claimed from now on; for a part of the engine that holds the other end.</summary>
    public void OnClaimed(Action<object> action, object state)
    {
        _onClaimedState = state;
        _onClaimed = action;
    }

    /// <summary>Takes an end.</summary>
    /// <returns>False when somebody has it, or had it.</returns>
    public bool TryClaim(ChannelDirection direction)
    {
        Action<object>? action;
        lock (this)
        {
            ref var isClaimed = ref direction == ChannelDirection.Read ? ref _isReaderClaimed : ref _isWriterClaimed;
            if (isClaimed)
            {
                return false;
            }

            isClaimed = true;
            action = _onClaimed;
            _onClaimed = null;
        }

        action?.Invoke(_onClaimedState!);
        return true;
    }

    /// <summary>Adds a message, which the channel then owns; waits while there is no room.</summary>
    /// <returns>False when nobody will read it.</returns>
    public async ValueTask<bool> WriteAsync(ChannelMessage message)
    {
        while (true)
        {
            TaskCompletionSource waiting;
            lock (this)
            {
                if (_isReaderGone || _ending != ChannelEnding.None)
                {
                    message.Return();
                    return false;
                }

                if (HasRoomFor(message.Length))
                {
                    Enqueue(message);
                    return true;
                }

                _waitingWriter = waiting = NewSignal();
            }

            await waiting.Task;
        }
    }

    /// <summary>Adds a message beyond all bounds: for bytes that are in memory anyway.</summary>
    /// <returns>False when nobody will read it.</returns>
    public bool WriteUnbounded(ChannelMessage message)
    {
        lock (this)
        {
            if (_isReaderGone || _ending != ChannelEnding.None)
            {
                message.Return();
                return false;
            }

            Enqueue(message);
            return true;
        }
    }

    /// <summary>Ends the writing. What waits can still be read. Only the first call counts.</summary>
    public void Complete(ChannelEnding ending)
    {
        bool isDone;
        lock (this)
        {
            if (_ending != ChannelEnding.None)
            {
                return;
            }

            _ending = ending;
            isDone = _isReaderGone;
            Wake(ref _waitingReader);
            Wake(ref _waitingWriter);
        }

        if (isDone)
        {
            _directory.Remove(this);
        }
    }

    /// <summary>Waits for a message.</summary>
    /// <returns>False when there will be none: the writing has ended and all is read, or the reader itself has gone.</returns>
    public async ValueTask<bool> WaitToReadAsync()
    {
        while (true)
        {
            Task waiting;
            lock (this)
            {
                if (_messages is { Count: > 0 })
                {
                    return true;
                }

                if (_isReaderGone || _ending != ChannelEnding.None)
                {
                    return false;
                }

                waiting = (_waitingReader ??= NewSignal()).Task;
            }

            await waiting;
        }
    }

    /// <summary>Takes the next message, if there is one; the caller then owns it.</summary>
    public bool TryRead(out ChannelMessage message)
    {
        lock (this)
        {
            if (_messages is null || !_messages.TryDequeue(out message))
            {
                message = default;
                return false;
            }

            _bytes -= message.Length;
            Wake(ref _waitingWriter);
            return true;
        }
    }

    /// <summary>The reader goes: what waits is dropped, and the writer is told. May be called again.</summary>
    public void CloseReader()
    {
        bool isDone;
        lock (this)
        {
            if (_isReaderGone)
            {
                return;
            }

            _isReaderGone = true;
            while (_messages is not null && _messages.TryDequeue(out var message))
            {
                message.Return();
            }

            _bytes = 0;
            isDone = _ending != ChannelEnding.None;
            Wake(ref _waitingReader);
            Wake(ref _waitingWriter);
            _readerGone?.TrySetResult();
        }

        if (isDone)
        {
            _directory.Remove(this);
        }
    }

    /// <summary>
    /// The part of the engine that holds one end is done. If nobody has come for the other end, nobody may come any more, and
    /// the channel is gone.
    /// </summary>
    /// <returns>False when somebody has come.</returns>
    public bool TryWithdraw()
    {
        lock (this)
        {
            if (_isReaderClaimed && _isWriterClaimed)
            {
                return false;
            }

            _isReaderClaimed = _isWriterClaimed = _isReaderGone = true;
            _ending = _ending == ChannelEnding.None ? ChannelEnding.Completed : _ending;
            _onClaimed = null;
        }

        _directory.Remove(this);
        return true;
    }

    /// <summary>Ends both ends, whoever holds them.</summary>
    public void Abandon()
    {
        Complete(ChannelEnding.Lost);
        lock (this)
        {
            // Ends that nobody holds are taken, so that nobody comes any more; a reader that is there sees the end itself.
            _isWriterClaimed = true;
            if (_isReaderClaimed)
            {
                return;
            }

            _isReaderClaimed = true;
        }

        CloseReader();
    }

    private bool HasRoomFor(int bytes) =>
        _messages is null or { Count: 0 } || (_messages.Count < BufferSize && _bytes + (long)bytes <= BufferBytes);

    private void Enqueue(ChannelMessage message)
    {
        (_messages ??= new Queue<ChannelMessage>()).Enqueue(message);
        _bytes += message.Length;
        Wake(ref _waitingReader);
    }

    private static void Wake(ref TaskCompletionSource? waiting)
    {
        waiting?.TrySetResult();
        waiting = null;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
