using System.Runtime.CompilerServices;
using System.Threading.Channels;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>One channel that this process listens to: who reads it, and who gets what is read.</summary>
/// <remarks>
/// The thread on which a message comes in arranges for the next one to be read by another, and then goes on with the work that this
/// one makes. So a message that finds its handler free is handled without a change of threads, and a handler that takes long keeps
/// nobody from reading.
/// </remarks>
internal sealed class ChannelListener
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ChannelMessageQueue _queue;
    private readonly Action _onRead;
    private ConfiguredValueTaskAwaitable<ChannelMessage>.ConfiguredValueTaskAwaiter _reading;
    private volatile IChannelSink[] _sinks = [];

    public ChannelListener(ChannelMessageQueue queue) => (_queue, _onRead) = (queue, OnRead);

    public RedisChannel Channel => _queue.Channel;

    public bool HasSinks => _sinks.Length > 0;

    /// <summary>Completes when nothing more is read, which is when the queue has been closed.</summary>
    public Task End => _end.Task;

    public void Start() => ThreadPool.UnsafeQueueUserWorkItem(static listener => listener.Read(), this, preferLocal: false);

    /// <summary>Guarded by the table's gate.</summary>
    public void Add(IChannelSink sink) => _sinks = [.. _sinks, sink];

    /// <summary>Guarded by the table's gate.</summary>
    public void Remove(IChannelSink sink) => _sinks = [.. _sinks.Where(other => other != sink)];

    public void OnGap()
    {
        foreach (var sink in _sinks)
        {
            sink.OnGap();
        }
    }

    private void OnRead()
    {
        if (TryTake())
        {
            Read();
        }
    }

    /// <summary>Reads what there is, has the rest read when it comes, and works. One thread at a time is in the first part of it.</summary>
    private void Read()
    {
        while (true)
        {
#pragma warning disable CA2012 // It is consumed once: here when it has completed, else when it calls back.
            _reading = _queue.ReadAsync().ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
            if (!_reading.IsCompleted)
            {
                break;
            }

            if (!TryTake())
            {
                return;
            }
        }

        _reading.UnsafeOnCompleted(_onRead);
        Work();
    }

    private bool TryTake()
    {
        try
        {
            ReadOnlyMemory<byte> message = _reading.GetResult().Message;
            foreach (var sink in _sinks)
            {
                sink.OnMessage(message);
            }

            return true;
        }
        catch (ChannelClosedException)
        {
            Work();
            _end.SetResult();
            return false;
        }
    }

    private void Work()
    {
        IThreadPoolWorkItem? own = null;
        foreach (var sink in _sinks)
        {
            if (sink.TakeWork() is not { } work)
            {
                continue;
            }

            if (own is not null)
            {
                ThreadPool.UnsafeQueueUserWorkItem(own, preferLocal: false);
            }

            own = work;
        }

        own?.Execute();
    }
}
