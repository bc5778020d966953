using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Iii.TestServers;
using Xunit.Sdk;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>
/// A process of a test: its output is kept and written to a log under <c>artifacts/</c>, and it is killed with what it
/// started when it is disposed of, whatever became of the test.
/// </summary>
internal class ChildProcess : IAsyncDisposable
{
    private static int s_started;

    private readonly Process _process;
    private readonly string _logFile;
    private readonly StreamWriter _log;
    private readonly Lock _writing = new();
    private readonly Task _output;
    private readonly Task _errors;
    private volatile TaskCompletionSource _news = NewSignal();
    private ImmutableList<string> _lines = [];
    private ImmutableList<string> _errorLines = [];

    protected ChildProcess(string name, ProcessStartInfo start)
    {
        Name = name;
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        try
        {
            _process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new InvalidOperationException($"Cannot run '{start.FileName}': {e.Message}. The end-to-end tests need it.", e);
        }

        _logFile = Path.Combine(Repository.LogFolder, $"{Interlocked.Increment(ref s_started):000}-{name}.log");
        _log = new StreamWriter(_logFile) { AutoFlush = true };
        _log.WriteLine($"# {start.FileName} {string.Join(' ', start.ArgumentList)} (process {_process.Id})");
        _output = ReadAsync(_process.StandardOutput, line =>
        {
            ImmutableInterlocked.Update(ref _lines, static (lines, added) => lines.Add(added), line);
            OnOutput(line);
        });
        _errors = ReadAsync(_process.StandardError, line =>
            ImmutableInterlocked.Update(ref _errorLines, static (lines, added) => lines.Add(added), line));
    }

    public string Name { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>What it wrote to stdout so far.</summary>
    public string Output => string.Join('\n', _lines);

    /// <summary>What it wrote to stderr so far.</summary>
    public string Errors => string.Join('\n', _errorLines);

    /// <summary>Ends it at once (SIGKILL), without a chance to tidy up.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Asks it to end (SIGTERM).</summary>
    public void Terminate() => Signals.SendTerminate(_process.Id);

    /// <summary>Waits until it has ended and all its output is there.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> WaitForExitAsync(TimeSpan? within = null)
    {
        await Eventually.EndsAsync($"{Name} ends", Task.WhenAll(_process.WaitForExitAsync(), _output, _errors), within);
        return _process.ExitCode;
    }

    /// <summary>Waits for a line on stdout. A process that ends without it fails the test at once.</summary>
    public async Task<string> WaitForLineAsync(string what, Func<string, bool> matches, TimeSpan? within = null)
    {
        var bound = within ?? Eventually.Patience;
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var news = _news.Task;
            var ended = _output.IsCompleted;
            if (_lines.Find(line => matches(line)) is { } found)
            {
                return found;
            }

            if (ended)
            {
                throw new XunitException($"{Name} ended without saying {what}.\n{Tail()}");
            }

            var left = bound - watch.Elapsed;
            try
            {
                await Task.WhenAny(news, _output).WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, TestContext.Current.CancellationToken);
            }
            catch (TimeoutException)
            {
                throw new XunitException($"{Name} did not say {what} within {bound.TotalSeconds:0.#} s.\n{Tail()}");
            }
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        Kill();
        await Task.WhenAll(_process.WaitForExitAsync(), _output, _errors).WaitAsync(Eventually.Patience);
        _process.Dispose();
        await _log.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes a line of stdout, on the reading thread.</summary>
    protected virtual void OnOutput(string line)
    {
    }

    /// <summary>Writes a line to stdin.</summary>
    protected void WriteLine(string line)
    {
        lock (_writing)
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
    }

    /// <summary>The end of the log, for a message.</summary>
    protected string Tail() =>
        $"Its last lines (all of them: {Path.GetRelativePath(Repository.Root, _logFile)}):\n"
        + string.Join('\n', _lines.TakeLast(20).Concat(_errorLines.TakeLast(20)).Select(static line => "  | " + line));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task ReadAsync(StreamReader reader, Action<string> take)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_log)
            {
                _log.WriteLine(line);
            }

            take(line);
            Interlocked.Exchange(ref _news, NewSignal()).TrySetResult();
        }
    }
}
