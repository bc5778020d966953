namespace Iii.Bench.Brokers;

/// <summary>Enqueues and handles jobs, on an adapter or on the broker's own client.</summary>
internal interface IQueuePeer : IAsyncDisposable
{
    /// <summary>One job from its enqueueing, stored, to the end of its handler.</summary>
    Task<int> RunJobAsync(ReadOnlyMemory<byte> payload);
}
