using Iii.Sdk;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over an engine, from one worker's <c>enqueue</c> to another one's function.</summary>
internal sealed class EngineQueuePeer : IQueuePeer
{
    private const string Function = "bench::job";

    private readonly JobTable _jobs = new();
    private readonly string _topic = $"bench.{Guid.NewGuid():N}";
    private readonly byte[] _head;
    private readonly IiiWorker _producer;
    private readonly IiiWorker _consumer;

    private EngineQueuePeer(IiiWorker producer, IiiWorker consumer)
    {
        (_producer, _consumer) = (producer, consumer);
        _head = System.Text.Encoding.UTF8.GetBytes($$"""{"topic":"{{_topic}}","data":""");
    }

    public static async Task<IQueuePeer> ConnectAsync(string url) =>
        new EngineQueuePeer(await IiiWorker.ConnectAsync(url), await IiiWorker.ConnectAsync(url));

    public Task ConsumeAsync(int concurrency)
    {
        _consumer.RegisterRawFunction(Function, (input, _, _) =>
        {
            _jobs.End(input.Span);
            return default;
        });
        _consumer.RegisterTrigger("queue", Function, $$"""{"topic":"{{_topic}}","queue_config":{"concurrency":{{concurrency}} } }""");

        // The first job waits until the subscription is there.
        return RunJobAsync();
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        var input = new byte[_head.Length + job.Payload.Length + 1];
        _head.CopyTo(input, 0);
        job.Payload.CopyTo(input, _head.Length);
        input[^1] = (byte)'}';
        await _producer.InvokeRawAsync("enqueue", input);
        await job.Handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _producer.DisposeAsync();
        await _consumer.DisposeAsync();
    }
}
