using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>What <c>work.lua</c> returns.</summary>
internal readonly struct WorkReply(RedisResult reply)
{
    private const int PerMessage = 4;

    /// <summary>Whether Redis knows the consumer; if not it has to bind again.</summary>
    public bool IsBound => (string?)reply[0] == "ok";

    /// <summary>Until something falls due; null when that is not known.</summary>
    public TimeSpan? DueIn => (long)reply[1] is >= 0 and var milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;

    public int MessageCount => reply[3].Length / PerMessage;

    public (RedisValue Handle, long Number, ReadOnlyMemory<byte> Record, string? History) Message(int index)
    {
        var (messages, at) = (reply[3], index * PerMessage);
        return ((RedisValue)messages[at], (long)messages[at + 1], (byte[])messages[at + 2]!, (string?)messages[at + 3]);
    }
}
