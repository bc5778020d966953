using System.Text.Json;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;
using Iii.EndToEnd.Tests.Workers;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>One engine, and a worker of each version of the SDK, all connected at once; the engine can be restarted under them.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    private readonly int _workerPort = FreePorts.Take();
    private readonly int _httpPort = FreePorts.Take();
    private readonly Dictionary<string, NodeWorker> _workers = [];
    private readonly Dictionary<bool, Task> _restarts = [];
    private RawWorker? _observer;
    private EngineProcess? _engine;

    public EngineProcess Engine => _engine!;

    /// <summary>The worker of a version.</summary>
    public NodeWorker this[string sdk] => _workers[sdk];

    /// <summary>What each worker called while there was no engine, and got when there was one again.</summary>
    public IReadOnlyDictionary<string, Task<JsonElement>> CallsDuringOutage { get; private set; } = new Dictionary<string, Task<JsonElement>>();

    /// <summary>What was registered before the last restart.</summary>
    public IReadOnlySet<string> RegistrationsBefore { get; private set; } = new HashSet<string>();

    public static async Task<Fleet> StartAsync()
    {
        var fleet = new Fleet();
        try
        {
            await fleet.StartEngineAsync();
            foreach (var sdk in Sdks.All)
            {
                fleet._workers[sdk] = await NodeWorker.StartAsync(fleet.Engine, sdk, "matrix", $"matrix-{sdk}");
            }

            foreach (var provider in Sdks.All)
            {
                foreach (var subscriber in Sdks.All)
                {
                    await fleet[subscriber].AskAsync("subscribe", new JsonObject { ["to"] = provider });
                }
            }

            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Calls a function of the engine, as a worker without an SDK.</summary>
    public async Task<JsonElement> ObserveAsync(string functionId, string data = "{}") =>
        (await _observer!.CallAsync(functionId, data)).GetProperty("result");

    /// <summary>The functions and triggers that are registered, as texts that say all about them.</summary>
    public async Task<IReadOnlySet<string>> RegistrationsAsync()
    {
        var functions = await ObserveAsync("engine::functions::list");
        var triggers = await ObserveAsync("engine::triggers::list");
        return functions.GetProperty("functions").EnumerateArray()
            .Select(static row => $"function {row.GetProperty("function_id")} of {row.GetProperty("worker_name")}")
            .Concat(triggers.GetProperty("triggers").EnumerateArray().Select(static row =>
                $"{row.GetProperty("status")} trigger {row.GetProperty("id")}: {row.GetProperty("trigger_type")} to {row.GetProperty("function_id")} with {row.GetProperty("config")}"))
            .ToHashSet();
    }

    /// <summary>Restarts the engine, once for each way of stopping it, however often it is asked to.</summary>
    /// <param name="killed">By SIGKILL rather than SIGTERM.</param>
    public Task RestartAsync(bool killed)
    {
        if (!_restarts.TryGetValue(killed, out var restart))
        {
            _restarts[killed] = restart = RestartOnceAsync(killed);
        }

        return restart;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers.Values)
        {
            await worker.DisposeAsync();
        }

        await StopEngineAsync();
    }

    private async Task RestartOnceAsync(bool killed)
    {
        RegistrationsBefore = await RegistrationsAsync();
        if (killed)
        {
            Engine.Kill();
            await Engine.WaitForExitAsync();
        }
        else
        {
            Engine.Terminate();
            Assert.Equal(0, await Engine.WaitForExitAsync());
        }

        await StopEngineAsync();
        var calls = new Dictionary<string, Task<JsonElement>>();
        foreach (var (sdk, worker) in _workers)
        {
            await Eventually.TrueAsync($"{sdk} sees that the engine is gone", async () => !(await worker.AskAsync("is_connected")).GetBoolean());

            // Its own function, because others may come back later than it does.
            calls[sdk] = worker.CallAsync($"matrix::add::{sdk}", new { a = 20, b = 3 });
        }

        CallsDuringOutage = calls;
        await StartEngineAsync();
    }

    private async Task StartEngineAsync()
    {
        var configuration = EngineProcess.Configuration(_workerPort, _httpPort);
        const string HttpFunctions =
            """
              - class: modules::http_functions::HttpFunctionsModule
                config:
                  security:
                    url_allowlist: [127.0.0.1]
                    block_private_ips: false
                    require_https: false

            """;
        _engine = await EngineProcess.StartAsync(_workerPort, _httpPort, configuration + HttpFunctions);
        _observer = await RawWorker.ConnectAsync(Engine, "observer");
    }

    private async Task StopEngineAsync()
    {
        if (_observer is not null)
        {
            await _observer.DisposeAsync();
        }

        if (_engine is not null)
        {
            await _engine.DisposeAsync();
        }

        (_observer, _engine) = (null, null);
    }
}
