using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>What <c>work.lua</c> returns.</summary>
internal readonly struct WorkReply(RedisResult reply)
{
    private const int PerMessage = 2;
    private const int PerHistory = 3;

    private readonly RedisResult _messages = reply[3];
    private readonly RedisResult _histories = reply[4];

    /// <summary>Whether Redis knows the group as the consumer wants it; if not, it has to bind again.</summary>
    public bool IsBound => (string?)reply[0] == "ok";

    /// <summary>Until it is worth looking again: until something falls due, or no time when there may be more; null when nothing will.</summary>
    public TimeSpan? DueIn => (long)reply[1] is >= 0 and var milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;

    public string Epoch => (string?)reply[2] ?? "";

    public int MessageCount => _messages.Length / PerMessage;

    public (RedisValue Handle, byte[] Record) Message(int index) =>
        ((RedisValue)_messages[index * PerMessage], (byte[])_messages[(index * PerMessage) + 1]!);

    /// <summary>The messages that were delivered before: which, the number of this delivery, and the history.</summary>
    public Dictionary<int, (long Number, string? History)>? Histories()
    {
        if (_histories.Length == 0)
        {
            return null;
        }

        var histories = new Dictionary<int, (long, string?)>();
        for (var at = 0; at < _histories.Length; at += PerHistory)
        {
            histories[(int)_histories[at]] = ((long)_histories[at + 1], (string?)_histories[at + 2]);
        }

        return histories;
    }
}
