namespace Iii.Bench.Brokers;

/// <summary>The process of a queue measurement: on an adapter, on the broker's own client, or on an engine.</summary>
internal interface IQueuePeer : IAsyncDisposable
{
    /// <summary>Handles jobs, from now on; each is acknowledged by itself.</summary>
    /// <param name="concurrency">Handlers at the same time.</param>
    Task ConsumeAsync(int concurrency);

    /// <summary>Enqueues one job, and waits until it is accepted and a handler has it.</summary>
    Task RunJobAsync();
}
