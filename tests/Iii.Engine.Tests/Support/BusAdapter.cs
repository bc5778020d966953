using Iii.Broker;
using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Support;

/// <summary>Gives an engine a bus that the test holds on to, in place of the one it would make itself.</summary>
internal sealed class BusAdapter(IMessageBus bus) : IBrokerAdapter
{
    public string Name => "memory";

    public ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new BrokerSeams { Bus = bus });
}
