using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Iii.TestServers;

/// <summary>A real redis-server on a port and in a folder of its own, which outlive its process: kill it and start it again.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    private readonly RedisServerOptions _options;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("iii-redis-");
    private Process? _process;

    private RedisServer(RedisServerOptions options) => _options = options;

    public int Port { get; } = FreePorts.Take();

    /// <summary>Where it is, with its password: <c>redis://:secret@127.0.0.1:6379</c>.</summary>
    public string Url => UrlAt(Port);

    public int ProcessId => Running.Id;

    private Process Running => _process ?? throw new InvalidOperationException("This redis-server does not run.");

    private string LogFile => Path.Combine(_folder.FullName, "redis.log");

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">There is no redis-server, or it does not come up; the message says why.</exception>
    public static async Task<RedisServer> StartAsync(RedisServerOptions? options = null)
    {
        var server = new RedisServer(options ?? new RedisServerOptions());
        try
        {
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same server through another port, such as a proxy's.</summary>
    public string UrlAt(int port) => $"redis://{(_options.Password is { } password ? $":{password}@" : "")}127.0.0.1:{port}";

    /// <summary>Starts it again on its port, with the data that are in its folder, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        if (_process is not null)
        {
            throw new InvalidOperationException("This redis-server runs already.");
        }

        try
        {
            _process = Process.Start(new ProcessStartInfo("redis-server", Arguments()) { WorkingDirectory = _folder.FullName });
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException(
                "There is no redis-server on the path. Install it (Debian: apt-get install redis-server) to run these tests.", exception);
        }

        await WaitUntilItAnswersAsync("PING", "+PONG");
        if (_options.IsCluster)
        {
            await CommandAsync("CLUSTER ADDSLOTSRANGE 0 16383");
            await WaitUntilItAnswersAsync("CLUSTER INFO", "cluster_state:ok");
        }
    }

    /// <summary>Ends it as a crash does (SIGKILL): nothing is flushed.</summary>
    public void Kill()
    {
        Running.Kill();
        Forget();
    }

    /// <summary>Ends it in order (SIGTERM) and waits for that.</summary>
    public void Stop()
    {
        Signals.SendTerminate(ProcessId);
        Forget();
    }

    /// <summary>Stops it where it is (SIGSTOP): its connections stay open and nothing answers.</summary>
    public void Pause() => Signals.SendStop(ProcessId);

    /// <summary>Lets it go on after <see cref="Pause"/>.</summary>
    public void Resume() => Signals.SendContinue(ProcessId);

    /// <summary>Sends one command, as one types it, and returns the start of the answer as it comes over the wire.</summary>
    public async Task<string> CommandAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        var stream = client.GetStream();
        var buffer = new byte[64 * 1024];
        if (_options.Password is { } password)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"AUTH {password}\r\n"));
            await stream.ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false);
        }

        await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"));
        var length = await stream.ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    public ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            Kill();
        }

        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private List<string> Arguments()
    {
        List<string> arguments =
        [
            "--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _folder.FullName, "--logfile", LogFile, "--save", "",
            "--maxmemory-policy", _options.MaxMemoryPolicy, "--appendonly", _options.AppendFsync is null ? "no" : "yes",
        ];
        if (_options.AppendFsync is { } fsync)
        {
            arguments.AddRange(["--appendfsync", fsync]);
        }

        if (_options.Password is { } password)
        {
            arguments.AddRange(["--requirepass", password]);
        }

        if (_options.IsCluster)
        {
            arguments.AddRange(["--cluster-enabled", "yes", "--cluster-port", $"{FreePorts.Take()}"]);
        }

        arguments.AddRange(_options.Arguments);
        return arguments;
    }

    private async Task WaitUntilItAnswersAsync(string command, string answer)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await AnswersAsync(command, answer))
        {
            if (Running.HasExited || TimeProvider.System.GetElapsedTime(start) > Patience)
            {
                var log = File.Exists(LogFile) ? await File.ReadAllTextAsync(LogFile) : "(it wrote no log)";
                throw new InvalidOperationException($"redis-server does not answer {command} on port {Port}:\n{log}");
            }

            await Task.Delay(Step);
        }
    }

    private async Task<bool> AnswersAsync(string command, string answer)
    {
        try
        {
            return (await CommandAsync(command)).Contains(answer, StringComparison.Ordinal);
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            return false;
        }
    }

    private void Forget()
    {
        using var process = Running;
        process.WaitForExit();
        _process = null;
    }
}
