namespace Iii.Bench.Brokers;

/// <summary>The process of a queue measurement, on an adapter or on the broker's own client.</summary>
internal interface IQueuePeer : IAsyncDisposable
{
    /// <summary>Handles jobs, from now on; each is acknowledged by itself.</summary>
    Task ConsumeAsync(int concurrency);

    /// <summary>Enqueues one job, waits until it is accepted and until it has been handled, and returns its size.</summary>
    Task<int> RunJobAsync(ReadOnlyMemory<byte> payload);
}
