using MassTransit;

namespace Iii.Bench.Brokers;

/// <summary>Jobs over MassTransit on a quorum queue, as its documentation has it: typed messages, a consumer, no retries.</summary>
internal sealed class MassTransitQueuePeer : IQueuePeer
{
    private readonly JobTable _jobs = new();
    private readonly string _queue = $"iii-bench-{Guid.NewGuid():N}";
    private readonly Uri _url;
    private IBusControl _bus = null!;
    private ISendEndpoint _endpoint = null!;

    private MassTransitQueuePeer(string url) => _url = new Uri(url);

    public static Task<IQueuePeer> ConnectAsync(string url) => Task.FromResult<IQueuePeer>(new MassTransitQueuePeer(url));

    public async Task ConsumeAsync(int concurrency)
    {
        _bus = Bus.Factory.CreateUsingRabbitMq(bus =>
        {
            bus.Host(_url);
            bus.ReceiveEndpoint(_queue, endpoint =>
            {
                endpoint.SetQuorumQueue();
                endpoint.PrefetchCount = concurrency;
                endpoint.Handler<BenchJob>(context =>
                {
                    _jobs.End(context.Message.Payload);
                    return Task.CompletedTask;
                });
            });
        });
        await _bus.StartAsync();
        // Not queue:, which would declare the queue again, and not as a quorum queue.
        _endpoint = await _bus.GetSendEndpoint(new Uri($"exchange:{_queue}"));
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        await _endpoint.Send(new BenchJob(job.Payload));
        await job.Handled;
    }

    public async ValueTask DisposeAsync() => await _bus.StopAsync();
}

/// <summary>The message.</summary>
/// <param name="Payload">Of a job.</param>
public sealed record BenchJob(byte[] Payload);
