using Iii.Broker.Memory;
using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Hosting;

public sealed class QueueBrokerTests
{
    [Theory]
    [InlineData("memory", true, false)]
    [InlineData("memory", false, true)]
    [InlineData("other", true, true)]
    [InlineData("other", false, true)]
    public async Task Memory_for_the_jobs_alone_is_not_shared(string adapter, bool isOwn, bool isShared)
    {
        await using var broker = new MemoryQueueBroker(new MemoryWorld());
        Assert.Equal(isShared, new QueueBroker(broker, adapter, isOwn ? new BrokerSeams { Queues = broker } : null).IsShared);
    }
}
