using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Modules.Http;
using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Support;

/// <summary>An engine in this process, on ports that the system chose.</summary>
internal sealed class TestEngine : IAsyncDisposable
{
    private readonly EngineHost _host;

    private TestEngine(EngineHost host) => _host = host;

    public int WorkerPort => _host.Listeners.Single(listener => listener.Name == "workers").Port;

    public int HttpPort => _host.Listeners.Single(listener => listener.Name == "http").Port;

    public static async Task<TestEngine> StartAsync(
        WorkerGatewayOptions? gateway = null,
        HttpOptions? http = null,
        HttpFunctionsOptions? httpFunctions = null,
        BridgeOptions? bridge = null,
        int workerPort = 0,
        IMessageBus? bus = null)
    {
        var host = EngineHost.Create(new EngineConfiguration
        {
            Gateway = (gateway ?? new WorkerGatewayOptions()) with { Host = "127.0.0.1", Port = workerPort },
            Http = (http ?? new HttpOptions()) with { Host = "127.0.0.1", Port = 0 },
            HttpFunctions = httpFunctions,
            Bridges = bridge is null ? [] : [bridge],
        }, adapters: bus is null ? [] : [new BusAdapter(bus)]);
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new TestEngine(host);
    }

    /// <summary>Connects a worker and takes its hello.</summary>
    public async Task<TestWorker> ConnectAsync(string path = "/") => await TestWorker.ConnectAsync(WorkerPort, path);

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();
}
