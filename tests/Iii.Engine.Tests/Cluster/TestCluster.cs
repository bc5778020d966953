using Iii.Broker.Memory;
using Iii.Engine.Gateways;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Cluster;

/// <summary>Several engines in this process that meet in one memory world.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly List<(TestEngine Engine, ObservedBus Bus)> _instances = [];
    private readonly MemoryWorld _world = new();

    public TestEngine this[int index] => _instances[index].Engine;

    public static async Task<TestCluster> StartAsync(int count, WorkerGatewayOptions? gateway = null)
    {
        var cluster = new TestCluster();
        for (var i = 0; i < count; i++)
        {
            await cluster.AddAsync(gateway);
        }

        return cluster;
    }

    public async Task<TestEngine> AddAsync(WorkerGatewayOptions? gateway = null)
    {
        var bus = new ObservedBus(_world);
        var engine = await TestEngine.StartAsync(gateway, bus: bus);
        _instances.Add((engine, bus));
        return engine;
    }

    public ObservedBus Bus(int index) => _instances[index].Bus;

    /// <summary>Registers a function and waits until it is known, with so many providers, on every instance.</summary>
    public async Task RegisterAsync(TestWorker worker, string functionId, int providers = 1)
    {
        await worker.RegisterAsync(functionId);
        for (var i = 0; i < _instances.Count; i++)
        {
            await WaitForProvidersAsync(i, functionId, providers);
        }
    }

    /// <summary>Waits until an instance knows so many providers of a function.</summary>
    public async Task WaitForProvidersAsync(int index, string functionId, int providers)
    {
        await using var observer = await this[index].ConnectAsync();
        await Eventually.TrueAsync(async () => await ProvidersAsync(observer, functionId) == providers);
    }

    /// <summary>How many workers provide a function, as the list of the observer's instance says.</summary>
    public static async Task<int> ProvidersAsync(TestWorker observer, string functionId)
    {
        var list = await observer.CallAsync("engine::functions::list");
        foreach (var row in list.GetProperty("result").GetProperty("functions").EnumerateArray())
        {
            if (row.GetProperty("function_id").GetString() == functionId)
            {
                return row.GetProperty("provider_count").GetInt32();
            }
        }

        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (engine, bus) in _instances)
        {
            await engine.DisposeAsync();
            await bus.DisposeAsync();
        }
    }
}
