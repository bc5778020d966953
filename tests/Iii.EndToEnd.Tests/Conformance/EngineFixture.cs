using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>A started engine for many tests, which therefore take new ids for all that they register (<see cref="Ids"/>).</summary>
/// <param name="workers">What else to configure of the listener for workers, as a YAML flow mapping.</param>
/// <param name="http">The same of the HTTP module, without its braces.</param>
/// <param name="modules">Further entries of the list of modules, each indented by two.</param>
/// <param name="environment">Environment variables of the process.</param>
public abstract class EngineFixture(string workers, string http, string modules = "", params (string Name, string Value)[] environment)
    : IAsyncLifetime
{
    private EngineProcess? _process;

    public int WorkerPort => Process.WorkerPort;

    public int HttpPort => Process.HttpPort;

    /// <summary>A client of its HTTP port.</summary>
    public HttpClient Http => Process.Http;

    internal EngineProcess Process => _process!;

    public async ValueTask InitializeAsync()
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        var configuration =
            $$"""
            port: {{workerPort}}
            modules:
              - class: modules::worker::WorkerModule
                config: {{workers}}
              - class: modules::api::RestApiModule
                config: { port: {{httpPort}}, {{http}} }

            """;
        _process = await EngineProcess.StartAsync(workerPort, httpPort, configuration + modules, environment);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Connects a worker and takes its hello.</summary>
    public Task<TestWorker> ConnectAsync(string path = "/") => TestWorker.ConnectAsync(WorkerPort, path);
}
