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

    public static async Task<IQueuePeer> StartAsync(string url, int prefetch)
    {
        var factory = new ConnectionFactory { Uri = new Uri(url) };
        var (publishing, consuming) = (await factory.CreateConnectionAsync(), await factory.CreateConnectionAsync());
        var publisher = await publishing.CreateChannelAsync(new CreateChannelOptions(true, true));
        var peer = new RawRabbitQueuePeer(publishing, publisher, consuming, await consuming.CreateChannelAsync());
        await peer.ConsumeAsync((ushort)prefetch);
        return peer;
    }

    public async Task<int> RunJobAsync(ReadOnlyMemory<byte> payload)
    {
        var (bytes, handled) = _jobs.Begin(payload);
        await _publisher.BasicPublishAsync("", _queue, mandatory: false, _persistent, bytes);
        return await handled;
    }

    public async ValueTask DisposeAsync()
    {
        await _consumer.QueueDeleteAsync(_queue);
        await _publishing.DisposeAsync();
        await _consuming.DisposeAsync();
    }

    private async Task ConsumeAsync(ushort prefetch)
    {
        await _consumer.QueueDeclareAsync(
            _queue, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" });
        await _consumer.BasicQosAsync(0, prefetch, global: false);
        var consumer = new AsyncEventingBasicConsumer(_consumer);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            _jobs.End(delivery.Body.Span);
            await _consumer.BasicAckAsync(delivery.DeliveryTag, multiple: false);
        };
        await _consumer.BasicConsumeAsync(_queue, autoAck: false, consumer);
    }
}
