namespace Iii.Bench.Queues;

/// <summary>A durable queue under measurement: a job is stored when its enqueueing completes, and gone when it was handled.</summary>
internal interface IJobQueue : IAsyncDisposable
{
    ValueTask EnqueueAsync(byte[] payload, int number);

    /// <summary>Has every job, waiting or to come, handled.</summary>
    Task ConsumeAsync(Action handled);
}
