using System.Diagnostics;

namespace Iii.Bench.Processes;

/// <summary>
/// A process this bench started and will end. Standard input stays open while we live; our own programs end when it
/// closes, so not even a killed bench leaves them behind.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan KillPatience = TimeSpan.FromSeconds(5);
    private const int LogTailLines = 20;

    private readonly Process _process;
    private readonly string _logFile;

    private ChildProcess(Process process, string name, string logFile)
    {
        _process = process;
        _logFile = logFile;
        Name = name;
    }

    public string Name { get; }

    public int Id => _process.Id;

    public StreamWriter Input => _process.StandardInput;

    public StreamReader Output => _process.StandardOutput;

    /// <summary>Starts a program that logs into a file, so that nobody has to read a pipe during a measurement.</summary>
    public static ChildProcess Start(Launch launch, string workFolder) => Start(launch, workFolder, "exec \"$@\" >\"$0\" 2>&1");

    /// <summary>Starts a program that answers on its standard output; its errors go into a file.</summary>
    public static ChildProcess StartTalking(Launch launch, string workFolder) => Start(launch, workFolder, "exec \"$@\" 2>\"$0\"");

    /// <exception cref="InvalidOperationException">The process has ended.</exception>
    public void RequireAlive()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"{Name} ended with code {_process.ExitCode}. Its last words:\n{LogTail()}");
        }
    }

    public string LogTail() => string.Join('\n', File.ReadLines(_logFile).TakeLast(LogTailLines));

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
            using var patience = new CancellationTokenSource(KillPatience);
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (InvalidOperationException)
        {
            // It had ended by itself.
        }

        _process.Dispose();
    }

    private static ChildProcess Start(Launch launch, string workFolder, string script)
    {
        var logFile = Path.Combine(workFolder, $"{launch.Name}-{Guid.NewGuid():N}.log");
        var start = new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = workFolder,
        };

        // The shell replaces itself, so the process id is the program's.
        foreach (var argument in (string[])["-c", script, logFile, launch.File, .. launch.Arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in launch.Environment)
        {
            start.Environment[name] = value;
        }

        return new ChildProcess(Process.Start(start)!, launch.Name, logFile);
    }
}
