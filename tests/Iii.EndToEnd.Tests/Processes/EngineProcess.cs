using System.Diagnostics;
using System.Text.RegularExpressions;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>A real engine: the command <c>iii</c> in a process and a folder of its own.</summary>
internal sealed partial class EngineProcess : ChildProcess
{
    public const int DefaultWorkerPort = 49134;
    public const int DefaultHttpPort = 3111;

    private readonly TemporaryFolder _folder;

    private EngineProcess(TemporaryFolder folder, ProcessStartInfo start, int workerPort, int httpPort)
        : base("engine", start)
    {
        _folder = folder;
        WorkerPort = workerPort;
        HttpPort = httpPort;
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{httpPort}/"), Timeout = TimeSpan.FromSeconds(60) };
    }

    public int WorkerPort { get; }

    public int HttpPort { get; }

    /// <summary>The address for workers.</summary>
    public string WorkerUrl => $"ws://127.0.0.1:{WorkerPort}";

    /// <summary>A client of its HTTP port.</summary>
    public HttpClient Http { get; }

    /// <summary>A configuration with these ports.</summary>
    public static string Configuration(int workerPort, int httpPort) =>
        $"""
        port: {workerPort}
        modules:
          - class: modules::api::RestApiModule
            config:
              port: {httpPort}

        """;

    /// <summary>Starts an engine on free ports, and returns once it says that it is ready.</summary>
    public static Task<EngineProcess> StartAsync() => StartAsync(FreePorts.Take(), FreePorts.Take());

    /// <summary>Starts an engine on free ports with further modules: entries of the list, each indented by two.</summary>
    public static Task<EngineProcess> StartWithAsync(string modules)
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        return StartAsync(workerPort, httpPort, Configuration(workerPort, httpPort) + modules);
    }

    /// <summary>Starts an engine on these ports, and returns once it says that it is ready.</summary>
    public static Task<EngineProcess> StartAsync(int workerPort, int httpPort) =>
        StartAsync(workerPort, httpPort, Configuration(workerPort, httpPort));

    /// <summary>
    /// Starts an engine with this configuration, which must name these ports, and these environment variables, and returns once
    /// it says that it is ready.
    /// </summary>
    public static Task<EngineProcess> StartAsync(
        int workerPort, int httpPort, string configuration, params IEnumerable<(string Name, string Value)> environment)
    {
        var folder = new TemporaryFolder();
        var start = EngineCommand.With(folder.FullPath, "--config", folder.Write("test.yaml", configuration));
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return StartAsync(folder, start, workerPort, httpPort);
    }

    /// <summary>Starts an engine as the README does: no arguments, no configuration file, so with all its defaults.</summary>
    /// <remarks>
    /// The worker port lies in the range from which systems serve outgoing connections, so that any of these may hold it for
    /// as long as it lives and a minute longer.
    /// </remarks>
    public static async Task<EngineProcess> StartWithDefaultsAsync()
    {
        foreach (var port in new[] { DefaultWorkerPort, DefaultHttpPort })
        {
            await Eventually.TrueAsync(
                $"port {port} becomes free (this test runs the README as printed, so it needs it; another process has it)",
                () => FreePorts.IsFree(port),
                within: TimeSpan.FromSeconds(75));
        }

        var folder = new TemporaryFolder();
        return await StartAsync(folder, EngineCommand.With(folder.FullPath), DefaultWorkerPort, DefaultHttpPort);
    }

    public override async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await base.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task<EngineProcess> StartAsync(TemporaryFolder folder, ProcessStartInfo start, int workerPort, int httpPort)
    {
        var engine = new EngineProcess(folder, start, workerPort, httpPort);
        try
        {
            await engine.WaitForLineAsync("that it is ready", static line => Ready().IsMatch(line));
            return engine;
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }
    }

    [GeneratedRegex(@"\bready\b", RegexOptions.IgnoreCase)]
    private static partial Regex Ready();
}
