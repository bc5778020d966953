using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Http;

namespace Iii.Sdk.Tests.Support;

/// <summary>An engine in this process, on ports that the system chose; it can be stopped and started on the same port.</summary>
internal sealed class LocalEngine : IAsyncDisposable
{
    private EngineHost _host;

    private LocalEngine(EngineHost host) => _host = host;

    public string Url => $"ws://127.0.0.1:{Port("workers")}";

    public Uri Http => new($"http://127.0.0.1:{Port("http")}");

    public static async Task<LocalEngine> StartAsync() => new(await StartAsync(0, 0));

    /// <summary>Ends the engine as a crash would look from outside, and starts another at the same address.</summary>
    public async Task RestartAsync(Func<Task>? between = null)
    {
        var (workers, http) = (Port("workers"), Port("http"));
        await _host.StopAsync();
        await _host.DisposeAsync();
        if (between is not null)
        {
            await between();
        }

        _host = await StartAsync(workers, http);
    }

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync() => await _host.DisposeAsync();

    private static async Task<EngineHost> StartAsync(int workerPort, int httpPort)
    {
        var host = EngineHost.Create(new EngineConfiguration
        {
            Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = workerPort, DrainTimeoutMs = 100 },
            Http = new HttpOptions { Host = "127.0.0.1", Port = httpPort },
        });
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private int Port(string listener) => _host.Listeners.Single(one => one.Name == listener).Port;
}
