using System.Collections.Concurrent;
using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Bench.Brokers;

/// <summary>The least between two processes on RabbitMQ: its client, direct reply-to, nothing confirmed, nothing put together.</summary>
internal sealed class RawRabbitBusPeer : IBusPeer
{
    private const string RequestQueue = "iii.bench.requests";
    private const string DirectReplyTo = "amq.rabbitmq.reply-to";

    private readonly ConcurrentDictionary<string, TaskCompletionSource<int>> _pending = [];
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private long _lastNumber;

    private RawRabbitBusPeer(IConnection connection, IChannel channel) => (_connection, _channel) = (connection, channel);

    public static async Task<IBusPeer> ConnectAsync(string url)
    {
        var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync();
        var channel = await connection.CreateChannelAsync();
        var peer = new RawRabbitBusPeer(connection, channel);
        var answers = new AsyncEventingBasicConsumer(channel);
        answers.ReceivedAsync += peer.TakeAnswer;
        await channel.BasicConsumeAsync(DirectReplyTo, autoAck: true, answers);
        return peer;
    }

    public async Task ServeAsync()
    {
        await _channel.QueueDeclareAsync(RequestQueue, durable: false, exclusive: true, autoDelete: true);
        var requests = new AsyncEventingBasicConsumer(_channel);
        requests.ReceivedAsync += async (_, request) => await _channel.BasicPublishAsync(
            "",
            request.BasicProperties.ReplyTo!,
            mandatory: false,
            new BasicProperties { CorrelationId = request.BasicProperties.CorrelationId },
            request.Body);
        await _channel.BasicConsumeAsync(RequestQueue, autoAck: true, requests);
    }

    public async Task<int> CallAsync(ReadOnlyMemory<byte> request)
    {
        var number = Interlocked.Increment(ref _lastNumber).ToString(CultureInfo.InvariantCulture);
        var answer = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[number] = answer;
        await _channel.BasicPublishAsync(
            "", RequestQueue, mandatory: false, new BasicProperties { CorrelationId = number, ReplyTo = DirectReplyTo }, request);
        return await answer.Task;
    }

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    private Task TakeAnswer(object sender, BasicDeliverEventArgs answer)
    {
        if (_pending.TryRemove(answer.BasicProperties.CorrelationId!, out var pending))
        {
            pending.SetResult(answer.Body.Length);
        }

        return Task.CompletedTask;
    }
}
