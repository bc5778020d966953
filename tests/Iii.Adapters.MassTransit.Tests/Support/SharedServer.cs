using Iii.Adapters.MassTransit.Tests.Support;
using Iii.TestServers;

[assembly: AssemblyFixture(typeof(SharedServer))]

namespace Iii.Adapters.MassTransit.Tests.Support;

/// <summary>The server of all tests; each has a cluster of its own there.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    public RabbitMqServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RabbitMqServer.StartNewAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
