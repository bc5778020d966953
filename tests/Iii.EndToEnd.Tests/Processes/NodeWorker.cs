using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>A real worker: a script of <c>node/workers</c> with a published SDK, commanded over its stdin.</summary>
internal sealed class NodeWorker : ChildProcess
{
    private const string ReadyLine = "worker is ready";

    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _asked = new();
    private int _commands;

    private NodeWorker(string name, ProcessStartInfo start)
        : base(name, start)
    {
    }

    /// <summary>Starts a script, and returns once all that it registered has reached the engine.</summary>
    /// <param name="engine">The engine to connect to.</param>
    /// <param name="sdk">The version of the SDK.</param>
    /// <param name="script">The script's name, without its ending.</param>
    /// <param name="name">The worker's name.</param>
    public static Task<NodeWorker> StartAsync(EngineProcess engine, string sdk, string script, string name) =>
        StartAsync(engine.WorkerUrl, sdk, script, name);

    /// <inheritdoc cref="StartAsync(EngineProcess, string, string, string)"/>
    /// <param name="url">Where to connect to.</param>
    /// <param name="sdk">The version of the SDK.</param>
    /// <param name="script">The script's name, without its ending.</param>
    /// <param name="name">The worker's name.</param>
    /// <param name="arguments">What else the script wants to know.</param>
    public static async Task<NodeWorker> StartAsync(string url, string sdk, string script, string name, params IEnumerable<string> arguments)
    {
        _ = Repository.SdkFolder(sdk);
        var file = Path.Combine(Repository.NodeFolder, "workers", script + ".mjs");
        var worker = new NodeWorker(name, new ProcessStartInfo("node", [file, sdk, url, name, .. arguments]));
        try
        {
            await worker.WaitForLineAsync("that it is ready", static line => line == ReadyLine);
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a file as a program of its own, in whose folder <c>iii-sdk</c> is the given version; it gets no arguments.</summary>
    public static NodeWorker StartProgram(string sdk, string file)
    {
        var packages = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(file)!, "node_modules"));
        Directory.CreateSymbolicLink(Path.Combine(packages.FullName, "iii-sdk"), Repository.SdkFolder(sdk));
        return new NodeWorker($"node-{sdk}", new ProcessStartInfo("node", [file]));
    }

    /// <summary>Lets the worker call a function.</summary>
    /// <exception cref="WorkerErrorException">The call failed.</exception>
    public Task<JsonElement> CallAsync(string functionId, object data) =>
        AskAsync("call", new JsonObject { ["id"] = functionId, ["data"] = JsonSerializer.SerializeToNode(data) });

    /// <summary>Lets the worker call a function without waiting for an answer.</summary>
    public Task SendAsync(string functionId, object data) =>
        AskAsync("send", new JsonObject { ["id"] = functionId, ["data"] = JsonSerializer.SerializeToNode(data) });

    /// <summary>Gives the script a command.</summary>
    public async Task<JsonElement> AskAsync(string command, JsonObject? input = null)
    {
        var n = Interlocked.Increment(ref _commands);
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[n] = answer;
        var line = input ?? [];
        line["n"] = n;
        line["command"] = command;
        WriteLine(line.ToJsonString());
        return await Eventually.EndsAsync($"{Name} answers '{command}'", answer.Task, within: TimeSpan.FromSeconds(60));
    }

    protected override void OnOutput(string line)
    {
        if (!line.StartsWith("{\"n\":", StringComparison.Ordinal))
        {
            return;
        }

        var answer = JsonElement.Parse(line);
        if (!_asked.TryRemove(answer.GetProperty("n").GetInt32(), out var asked))
        {
            return;
        }

        if (answer.TryGetProperty("error", out var error))
        {
            asked.SetException(new WorkerErrorException(error.GetProperty("code").GetString()!, error.GetProperty("message").GetString()!));
        }
        else
        {
            asked.SetResult(answer.GetProperty("result"));
        }
    }
}
