using Iii.TestServers;

namespace Iii.Adapters.RabbitMq.Tests.Support;

/// <summary>A server for one class of tests, which run one after the other, break it and leave it running.</summary>
public sealed class ServerToBreak : IAsyncLifetime
{
    public RabbitMqServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RabbitMqServer.StartNewAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
