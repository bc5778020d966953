using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>
/// The channels that this process listens to: each is subscribed to once, however many sinks it has. The client subscribes again by
/// itself after it has lost its connection.
/// </summary>
internal sealed class ChannelTable(RedisConnection connection)
{
    private const int Gates = 16;

    private readonly ConcurrentDictionary<RedisChannel, ChannelListener> _listeners = [];

    /// <summary>One change at a time per channel; different channels mostly do not wait for each other.</summary>
    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, Gates).Select(static _ => new SemaphoreSlim(1))];

    /// <summary>Whether every channel is subscribed to at this moment.</summary>
    public bool IsComplete => _listeners.Values.All(listener =>
        connection.Subscriber.SubscribedEndpoint(listener.Channel) is not null && connection.Subscriber.IsConnected(listener.Channel));

    public bool IsEmpty => _listeners.IsEmpty;

    /// <summary>Adds a sink; what is published after this has completed reaches it.</summary>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.BrokerUnavailable"/>; then nothing has been added.</exception>
    public async Task AddAsync(RedisChannel channel, IChannelSink sink, CancellationToken cancellationToken)
    {
        var gate = GateOf(channel);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            connection.CheckUp();
            if (!_listeners.TryGetValue(channel, out var listener))
            {
                listener = new ChannelListener(await SubscribeAsync(channel).ConfigureAwait(false));
                _listeners[channel] = listener;
                listener.Add(sink);
                listener.Start();
                return;
            }

            listener.Add(sink);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Removes a sink; nothing comes to it after this has completed, and nobody counts it any more.</summary>
    public async Task RemoveAsync(RedisChannel channel, IChannelSink sink)
    {
        var gate = GateOf(channel);
        await gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (!_listeners.TryGetValue(channel, out var listener))
            {
                return;
            }

            listener.Remove(sink);
            if (!listener.HasSinks)
            {
                _listeners.TryRemove(channel, out _);
                await UnsubscribeAsync(channel).ConfigureAwait(false);
                await listener.End.ConfigureAwait(false);
            }
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Tells all sinks that messages may have been lost.</summary>
    public void OnGap()
    {
        foreach (var listener in _listeners.Values)
        {
            listener.OnGap();
        }
    }

    private async Task<ChannelMessageQueue> SubscribeAsync(RedisChannel channel)
    {
        try
        {
            return await connection.Subscriber.SubscribeAsync(channel).ConfigureAwait(false);
        }
        catch (Exception exception) when (RedisConnection.IsFailure(exception))
        {
            // The client remembers a subscription that it could not make, and would make it later.
            await UnsubscribeAsync(channel).ConfigureAwait(false);
            throw connection.Unavailable(exception);
        }
    }

    private async Task UnsubscribeAsync(RedisChannel channel)
    {
        try
        {
            await connection.Subscriber.UnsubscribeAsync(channel).ConfigureAwait(false);
        }
        catch (Exception exception) when (RedisConnection.IsFailure(exception))
        {
            // The queue is closed and the client has forgotten it; Redis forgets it with the connection.
            connection.NoteFailure(exception);
        }
    }

    private SemaphoreSlim GateOf(RedisChannel channel) => _gates[(uint)channel.GetHashCode() % Gates];
}
