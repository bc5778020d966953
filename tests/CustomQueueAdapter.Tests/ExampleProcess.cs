using System.Diagnostics;
using System.Reflection;
using Iii.TestServers;
using Iii.Testing;

namespace CustomQueueAdapter.Tests;

/// <summary>The example's program, run as a user would run it, in a folder of its own.</summary>
internal sealed class ExampleProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ExampleProcess(string folder, string configFile)
    {
        _process = Process.Start(new ProcessStartInfo(Executable, configFile)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _output = ReadAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    private static string Executable => Path.Combine(
        Repository.Root,
        "examples",
        "CustomQueueAdapter",
        "bin",
        typeof(ExampleProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration,
        "net10.0",
        "CustomQueueAdapter");

    public int Port { get; private init; }

    /// <summary>Starts it with the configuration that is shipped, on another port, and waits until it is ready.</summary>
    public static async Task<ExampleProcess> StartAsync(string folder, int port)
    {
        var shipped = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "examples", "CustomQueueAdapter", "config.yaml"));
        var process = StartWith(folder, port, shipped.Replace("port: 49134", $"port: {port}", StringComparison.Ordinal));
        if (await Task.WhenAny(process._ready.Task, process._output).WaitAsync(TestWorker.Patience) == process._output)
        {
            Assert.Fail($"The example ended before it was ready:\n{await process._output}{await process._errors}");
        }

        return process;
    }

    /// <summary>Starts it with a configuration of the test's own.</summary>
    public static ExampleProcess StartWith(string folder, int port, string configuration)
    {
        var file = Path.Combine(folder, "example.yaml");
        File.WriteAllText(file, configuration);
        return new ExampleProcess(folder, file) { Port = port };
    }

    /// <summary>Ends it at once (SIGKILL).</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(TestWorker.Patience);
    }

    /// <summary>Asks it to end (SIGTERM).</summary>
    public void Terminate() => Signals.SendTerminate(_process.Id);

    /// <summary>Waits until it has ended; gives its exit code, and what it said.</summary>
    public async Task<(int ExitCode, string Output, string Errors)> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TestWorker.Patience);
        return (_process.ExitCode, await _output, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        await Task.WhenAll(_output, _errors).WaitAsync(TestWorker.Patience);
        _process.Dispose();
    }

    private async Task<string> ReadAsync()
    {
        var text = "";
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            text += line + '\n';
            if (line == "ready")
            {
                _ready.TrySetResult();
            }
        }

        return text;
    }
}
