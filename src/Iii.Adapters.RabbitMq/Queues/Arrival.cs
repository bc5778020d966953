using RabbitMQ.Client;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>A message as a channel delivers it. Its body is lent for the call that it is given to.</summary>
internal readonly record struct Arrival(
    ulong Tag, bool IsRedelivered, string RoutingKey, IReadOnlyBasicProperties Properties, ReadOnlyMemory<byte> Body);
