using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>One message on its way to Redis, and who waits for its receipt.</summary>
internal sealed class EnqueueCall
{
    /// <summary>What a call takes besides its record, about.</summary>
    private const int Overhead = 128;

    private readonly TaskCompletionSource<EnqueueReceipt> _receipt = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EnqueueCall(QueueMessage message, EnqueueOptions options)
    {
        Record = MessageRecord.Write(message, options);
        if (options.Delay > TimeSpan.Zero || options.DeduplicationKey is not null)
        {
            var (delay, window) = ((long)Math.Ceiling(options.Delay.TotalMilliseconds), (long)options.DeduplicationWindow.TotalMilliseconds);
            Wishes = $"{delay} {window} {options.DeduplicationKey}";
        }
    }

    public string Suffix { get; } = MessageId.NewSuffix();

    public byte[] Record { get; }

    public RedisValue Wishes { get; } = RedisValue.EmptyString;

    /// <summary>What it counts in the outgoing buffer.</summary>
    public int CountedBytes => Record.Length + Overhead;

    public Task<EnqueueReceipt> Receipt => _receipt.Task;

    public void Complete(EnqueueReceipt receipt) => _receipt.SetResult(receipt);

    public void Fail(BrokerException exception)
    {
        _receipt.SetException(exception);

        // Whoever enqueued may have gone away; that is no reason to report the exception as unobserved.
        _ = _receipt.Task.Exception;
    }
}
