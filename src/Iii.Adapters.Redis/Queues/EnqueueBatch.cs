using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>Messages for one queue that are stored by one call of the script.</summary>
internal sealed class EnqueueBatch : IOutgoingBatch<EnqueueCall>
{
    private const int MaxMessages = 256;
    private const int TargetBytes = 1024 * 1024;
    private const int FixedArguments = 2;
    private const int ArgumentsPerMessage = 3;

    private readonly List<EnqueueCall> _calls = [];

    /// <summary>What its messages count in the outgoing buffer.</summary>
    public int CountedBytes { get; private set; }

    public bool HasRoomFor(EnqueueCall item) => _calls.Count < MaxMessages && CountedBytes + item.CountedBytes <= TargetBytes;

    public void Append(EnqueueCall item)
    {
        _calls.Add(item);
        CountedBytes += item.CountedBytes;
    }

    public RedisValue[] Arguments(string publishCommand, int maxQueueLength)
    {
        var arguments = new RedisValue[FixedArguments + (ArgumentsPerMessage * _calls.Count)];
        (arguments[0], arguments[1]) = (publishCommand, maxQueueLength);
        var next = FixedArguments;
        foreach (var call in _calls)
        {
            arguments[next++] = call.Suffix;
            arguments[next++] = call.Record;
            arguments[next++] = call.Wishes;
        }

        return arguments;
    }

    /// <summary>Gives every caller what the script says of its message.</summary>
    public void Complete(RedisResult reply, string queue, int maxQueueLength, Durability durability)
    {
        if (reply.Length < 0)
        {
            var number = (long)reply;
            foreach (var call in _calls)
            {
                call.Complete(new EnqueueReceipt(MessageId.Create(number++, call.Suffix), durability));
            }

            return;
        }

        var results = (string[])reply!;
        for (var i = 0; i < _calls.Count; i++)
        {
            var (kind, rest) = (results[i][0], results[i][1..]);
            switch (kind)
            {
                case '+':
                    _calls[i].Complete(new EnqueueReceipt(rest + _calls[i].Suffix, durability));
                    break;
                case '=':
                    _calls[i].Complete(new EnqueueReceipt(rest, durability, IsDuplicate: true));
                    break;
                case '-':
                    _calls[i].Fail(new BrokerException(
                        BrokerErrorCodes.LimitExceeded,
                        $"The group '{(rest.Length == 0 ? "(none bound yet)" : rest)}' of the queue '{queue}' holds {maxQueueLength} messages; no more "
                        + "are allowed. Wait until some have been handled, or redrive or discard its dead letters."));
                    break;
                default:
                    _calls[i].Fail(new BrokerException(
                        BrokerErrorCodes.LimitExceeded,
                        $"The queue '{queue}' remembers {maxQueueLength} deduplication keys; no more are allowed. Use shorter windows."));
                    break;
            }
        }
    }

    public void Fail(BrokerException exception) => _calls.ForEach(call => call.Fail(exception));
}
