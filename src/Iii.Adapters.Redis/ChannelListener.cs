using System.Threading.Channels;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>One channel that this process listens to: the loop that reads it, and who gets what it reads.</summary>
internal sealed class ChannelListener(RedisChannel channel)
{
    private volatile IChannelSink[] _sinks = [];
    private Task _loop = Task.CompletedTask;

    public RedisChannel Channel => channel;

    public bool HasSinks => _sinks.Length > 0;

    public void Start(ChannelMessageQueue queue) => _loop = Task.Run(() => ReadAsync(queue));

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

    /// <summary>Waits for the loop, which ends when its queue has been closed.</summary>
    public Task EndAsync() => _loop;

    private async Task ReadAsync(ChannelMessageQueue queue)
    {
        try
        {
            while (true)
            {
                if (!queue.TryRead(out var message))
                {
                    message = await queue.ReadAsync().ConfigureAwait(false);
                }

                ReadOnlyMemory<byte> bytes = message.Message;
                foreach (var sink in _sinks)
                {
                    sink.OnMessage(bytes);
                }
            }
        }
        catch (ChannelClosedException)
        {
            // Nobody listens any more.
        }
    }
}
