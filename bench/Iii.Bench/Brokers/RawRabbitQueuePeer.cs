using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Bench.Brokers;

/// <summary>The least for durable jobs on RabbitMQ: its client, a quorum queue, confirms that the client tracks, an acknowledgement per job.</summary>
internal sealed class RawRabbitQueuePeer : IQueuePeer
{
    private readonly JobTable _jobs = new();
    private readonly string _queue = $"iii.bench.{Guid.NewGuid():N}";
    private readonly BasicProperties _persistent = new() { Persistent = true };
    private readonly IConnection _publishing;
    private readonly IConnection _consuming;
    private readonly IChannel _publisher;
    private readonly IChannel _consumer;

    private RawRabbitQueuePeer(IConnection publishing, IChannel publisher, IConnection consuming, IChannel consumer) =>
        (_publishing, _publisher, _consuming, _consumer) = (publishing, publisher, consuming, consumer);

    public static async Task<IQueuePeer> ConnectAsync(string url)
    {
        var factory = new ConnectionFactory { Uri = new Uri(url) };
        var (publishing, consuming) = (await factory.CreateConnectionAsync(), await factory.CreateConnectionAsync());
        var publisher = await publishing.CreateChannelAsync(new CreateChannelOptions(true, true));
        return new RawRabbitQueuePeer(publishing, publisher, consuming, await consuming.CreateChannelAsync());
    }

    public async Task ConsumeAsync(int concurrency)
    {
        await _consumer.QueueDeclareAsync(
            _queue, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" });
        await _consumer.BasicQosAsync(0, (ushort)concurrency, global: false);
        var consumer = new AsyncEventingBasicConsumer(_consumer);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            _jobs.End(delivery.Body.Span);
            await _consumer.BasicAckAsync(delivery.DeliveryTag, multiple: false);
        };
        await _consumer.BasicConsumeAsync(_queue, autoAck: false, consumer);
    }

    public async Task RunJobAsync()
    {
        var job = _jobs.Begin();
        await _publisher.BasicPublishAsync("", _queue, mandatory: false, _persistent, job.Payload);
        await job.Handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _consumer.QueueDeleteAsync(_queue);
        await _publishing.DisposeAsync();
        await _consuming.DisposeAsync();
    }
}
