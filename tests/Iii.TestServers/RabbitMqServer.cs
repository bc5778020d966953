using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Iii.TestServers;

/// <summary>
/// A real rabbitmq-server of one's own: small, on free ports, with its data in a temporary folder. It can be killed, stopped,
/// paused and started again on the same ports and data.
/// </summary>
/// <remarks>
/// The server refuses to run as root; then it runs as the user <c>rabbitmq</c>, which its package creates. It gets a port mapper
/// (epmd) of its own, so that nothing is left behind and nobody else's is used.
/// </remarks>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string User = "rabbitmq";
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly byte[] ProtocolHeader = [.. "AMQP"u8, 0, 0, 9, 1];

    private readonly string _program;
    private readonly string _folder;
    private readonly Process _portMapper;
    private readonly Dictionary<string, string> _environment;
    private Process? _server;

    private RabbitMqServer(string program, string folder)
    {
        _program = program;
        _folder = folder;
        Port = FreePorts.Take();
        var portMapperPort = FreePorts.Take();
        _environment = new Dictionary<string, string>
        {
            ["HOME"] = folder,
            ["LC_ALL"] = "C.UTF-8",
            ["RABBITMQ_NODENAME"] = $"iii{Port}@localhost",
            ["RABBITMQ_DIST_PORT"] = $"{FreePorts.Take()}",
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(folder, "data"),
            ["RABBITMQ_LOG_BASE"] = Path.Combine(folder, "log"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf"),
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(folder, "advanced.config"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "enabled_plugins"),
            ["RABBITMQ_CONF_ENV_FILE"] = "/dev/null",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+S 1:1 +sbwt none +A 4",
            ["RABBITMQ_CTL_ERL_ARGS"] = "+S 1:1 +sbwt none",
            ["ERL_EPMD_PORT"] = $"{portMapperPort}",
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            // The script then replaces itself by the server instead of watching it: one process, which is ours.
            ["detached"] = "true",
        };
        File.WriteAllText(Path.Combine(folder, "rabbitmq.conf"), $"listeners.tcp.1 = 127.0.0.1:{Port}\nlog.file = server.log\n");
        File.WriteAllText(Path.Combine(folder, "enabled_plugins"), "[].\n");

        // As docs/queues.md advises: what left a delay step when the broker was killed is sent again after 30 s, not after 180 s.
        File.WriteAllText(
            Path.Combine(folder, "advanced.config"), "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 30000}]}].\n");
        _portMapper = Run("epmd", "-port", $"{portMapperPort}", "-address", "127.0.0.1");
    }

    /// <summary>Where it listens, on the loopback address.</summary>
    public int Port { get; }

    /// <summary>The address for clients.</summary>
    public string Url => $"amqp://guest:guest@127.0.0.1:{Port}/";

    /// <summary>Starts a server; returns when it speaks AMQP.</summary>
    /// <exception cref="InvalidOperationException">It is not installed, or did not start.</exception>
    public static async Task<RabbitMqServer> StartNewAsync()
    {
        var program = FindProgram("rabbitmq-server");
        var server = new RabbitMqServer(program, await MakeFolderAsync());
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

    /// <summary>Starts it again, on the same ports and data; returns when it speaks AMQP.</summary>
    public async Task StartAsync()
    {
        _server = Run(_program);
        var deadline = Stopwatch.GetTimestamp();
        while (!await SpeaksAmqpAsync())
        {
            if (_server.HasExited || Stopwatch.GetElapsedTime(deadline) > StartPatience)
            {
                throw new InvalidOperationException($"rabbitmq-server did not start in {_folder}. Its last words:\n{LastWords()}");
            }

            await Task.Delay(PollInterval);
        }
    }

    /// <summary>Ends it as an operator does, and waits until it has.</summary>
    public async Task StopAsync()
    {
        Signals.SendTerminate(Running.Id);
        using var patience = new CancellationTokenSource(StopPatience);
        await Running.WaitForExitAsync(patience.Token);
        Forget();
    }

    /// <summary>Ends it as a crash does (SIGKILL).</summary>
    public async Task KillAsync()
    {
        Running.Kill();
        await Running.WaitForExitAsync();
        Forget();
    }

    /// <summary>Stops its process where it is: connections stay open and nobody answers.</summary>
    public void Pause() => Signals.SendStop(Running.Id);

    /// <summary>Lets it go on.</summary>
    public void Resume() => Signals.SendContinue(Running.Id);

    /// <summary>Runs <c>rabbitmqctl</c> against it and returns what it printed.</summary>
    public async Task<string> ControlAsync(params string[] arguments)
    {
        using var control = Process.Start(Describe(FindProgram("rabbitmqctl"), arguments, redirect: null))!;
        var errors = control.StandardError.ReadToEndAsync();
        var output = await control.StandardOutput.ReadToEndAsync();
        await control.WaitForExitAsync();
        return control.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"rabbitmqctl {string.Join(' ', arguments)} failed: {output}{await errors}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await KillAsync();
        }

        if (!_portMapper.HasExited)
        {
            _portMapper.Kill();
            await _portMapper.WaitForExitAsync();
        }

        _portMapper.Dispose();
        DeleteFolder();
    }

    private Process Running => _server ?? throw new InvalidOperationException("The server is not running; start it first.");

    private void Forget()
    {
        _server?.Dispose();
        _server = null;
    }

    private Process Run(string program, params string[] arguments) =>
        Process.Start(Describe(program, arguments, Path.Combine(_folder, $"{Path.GetFileName(program)}.out")))!;

    /// <param name="program">What to start.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="redirect">The file for all it prints; null to read it.</param>
    private ProcessStartInfo Describe(string program, string[] arguments, string? redirect)
    {
        var start = AsServerUser(new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = redirect is null,
            RedirectStandardError = redirect is null,
            WorkingDirectory = _folder,
        });

        // The shell replaces itself, so the process is the program's.
        var script = redirect is null ? "exec \"$@\" </dev/null" : "exec \"$@\" </dev/null >\"$0\" 2>&1";
        foreach (var argument in (string[])["-c", script, redirect ?? program, program, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private async Task<bool> SpeaksAmqpAsync()
    {
        using var client = new TcpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Port, patience.Token);
            await client.Client.SendAsync(ProtocolHeader, patience.Token);
            return await client.Client.ReceiveAsync(new byte[1], patience.Token) == 1;
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    private string LastWords()
    {
        var words = new StringBuilder();
        foreach (var file in Directory.EnumerateFiles(_folder, "*.out").Append(Path.Combine(_folder, "log", "server.log")).Where(File.Exists))
        {
            words.AppendLine(file).AppendJoin('\n', File.ReadLines(file).TakeLast(20)).AppendLine();
        }

        return words.ToString();
    }

    private void DeleteFolder()
    {
        // What the killed server's helpers write last may still come while the folder is emptied.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(_folder, recursive: true);
                return;
            }
            catch (IOException) when (attempt < 10)
            {
                Thread.Sleep(PollInterval);
            }
        }
    }

    private static async Task<string> MakeFolderAsync()
    {
        using var make = Process.Start(AsServerUser(new ProcessStartInfo("mktemp", ["-d", "/tmp/iii-rabbit-XXXXXX"])
        {
            RedirectStandardOutput = true,
        }))!;
        var folder = (await make.StandardOutput.ReadToEndAsync()).Trim();
        await make.WaitForExitAsync();
        return folder;
    }

    private static ProcessStartInfo AsServerUser(ProcessStartInfo start)
    {
        if (Environment.IsPrivilegedProcess)
        {
            start.UserName = User;
        }

        return start;
    }

    /// <summary>The program itself where the package keeps it: on the path may be a wrapper that looks after the system's own server.</summary>
    private static string FindProgram(string name)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return folders.Prepend("/usr/lib/rabbitmq/bin").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException($"{name} is not installed. These tests need it: apt-get install rabbitmq-server.");
    }
}
