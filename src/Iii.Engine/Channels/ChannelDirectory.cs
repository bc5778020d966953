using System.Collections.Concurrent;
using Iii.Engine.Hosting;
using Iii.Engine.Invocations;

namespace Iii.Engine.Channels;

/// <summary>The channels of this instance. One goes when both its ends are done, or when nobody has come for an end in time.</summary>
internal sealed class ChannelDirectory : IDisposable
{
    /// <summary>How long both ends may take to be claimed.</summary>
    public static readonly TimeSpan UnclaimedLifetime = TimeSpan.FromMinutes(5);

    /// <summary>How long after its creator has gone an end may still be claimed: the refs may have gone to another worker.</summary>
    public static readonly TimeSpan OrphanGrace = TimeSpan.FromSeconds(60);

    /// <summary>How often the two are looked at.</summary>
    public static readonly TimeSpan SweepPeriod = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<Guid, MessageChannel> _channels = new();
    private readonly int _maxChannels;
    private readonly Func<string, bool> _isConnected;
    private readonly TimeProvider _time;
    private readonly ITimer _sweeper;
    private int _createdByWorkers;

    /// <summary>Makes an empty directory.</summary>
    /// <param name="instance">The instance whose name the ids carry.</param>
    /// <param name="maxChannels">How many channels workers may have at a time.</param>
    /// <param name="isConnected">Whether a worker of that id is connected.</param>
    /// <param name="time">The clock.</param>
    public ChannelDirectory(InstanceId instance, int maxChannels, Func<string, bool> isConnected, TimeProvider time)
    {
        Instance = instance;
        _maxChannels = maxChannels;
        _isConnected = isConnected;
        _time = time;
        _sweeper = time.CreateTimer(static state => ((ChannelDirectory)state!).Sweep(), this, SweepPeriod, SweepPeriod);
    }

    public InstanceId Instance { get; }

    /// <summary>How many channels there are, those of requests included.</summary>
    public int Count => _channels.Count;

    /// <summary>Makes a channel for a worker.</summary>
    /// <param name="creator">The worker; null when a function of the engine was called from elsewhere.</param>
    /// <param name="bufferSize">Messages that may wait.</param>
    /// <returns>Null when workers have as many as they may have.</returns>
    public MessageChannel? TryCreate(string? creator, int bufferSize)
    {
        if (Interlocked.Increment(ref _createdByWorkers) > _maxChannels)
        {
            Interlocked.Decrement(ref _createdByWorkers);
            return null;
        }

        var channel = new MessageChannel(
            this, DispatchIds.Next(), AccessKey.Next(), AccessKey.Next(), bufferSize, creator ?? string.Empty, _time.GetTimestamp());
        _channels[channel.Id] = channel;
        return channel;
    }

    /// <summary>Makes a channel between a worker and a part of the engine, which has its end at once and ends the channel itself.</summary>
    /// <param name="direction">The worker's end.</param>
    public MessageChannel CreateFor(ChannelDirection direction)
    {
        var key = AccessKey.Next();
        var isReader = direction == ChannelDirection.Read;
        var channel = new MessageChannel(
            this, DispatchIds.Next(), isReader ? key : default, isReader ? default : key, MessageChannel.DefaultBufferSize, null, 0);
        channel.TryClaim(isReader ? ChannelDirection.Write : ChannelDirection.Read);
        _channels[channel.Id] = channel;
        return channel;
    }

    /// <summary>Makes what stands here for a channel of another instance. It is not in the directory: nobody finds it by its id, and both its ends are taken.</summary>
    public MessageChannel CreateStandIn()
    {
        var channel = new MessageChannel(this, DispatchIds.Next(), default, default, MessageChannel.DefaultBufferSize, null, 0);
        channel.TryClaim(ChannelDirection.Read);
        channel.TryClaim(ChannelDirection.Write);
        return channel;
    }

    /// <summary>The channel that an id as clients have it names, if the key is the one of that end.</summary>
    public MessageChannel? Find(ReadOnlySpan<char> id, ReadOnlySpan<char> key, ChannelDirection direction) =>
        ChannelId.TryParse(id, Instance, out var guid)
        && _channels.TryGetValue(guid, out var channel)
        && channel.KeyOf(direction).Matches(key)
            ? channel
            : null;

    /// <summary>Forgets a channel whose ends are done.</summary>
    public void Remove(MessageChannel channel)
    {
        if (_channels.TryRemove(channel.Id, out _) && channel.Creator is not null)
        {
            Interlocked.Decrement(ref _createdByWorkers);
        }
    }

    /// <summary>Ends every channel: the instance shuts down.</summary>
    public void AbandonAll()
    {
        foreach (var (_, channel) in _channels)
        {
            channel.Abandon();
        }
    }

    public void Dispose() => _sweeper.Dispose();

    private void Sweep()
    {
        if (Volatile.Read(ref _createdByWorkers) == 0)
        {
            return;
        }

        var now = _time.GetTimestamp();
        foreach (var (_, channel) in _channels)
        {
            if (channel.Creator is not null && !(channel.IsReaderClaimed && channel.IsWriterClaimed) && IsOverdue(channel, now))
            {
                channel.Abandon();
            }
        }
    }

    private bool IsOverdue(MessageChannel channel, long now)
    {
        if (_time.GetElapsedTime(channel.Created, now) >= UnclaimedLifetime)
        {
            return true;
        }

        if (channel.Creator!.Length == 0 || _isConnected(channel.Creator))
        {
            return false;
        }

        if (channel.Orphaned == 0)
        {
            channel.Orphaned = now;
        }

        return _time.GetElapsedTime(channel.Orphaned, now) >= OrphanGrace;
    }
}
