using System.Text;
using System.Text.Json;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

/// <summary>The module behind the one door for work, without sockets of workers, on a clock of the test.</summary>
internal sealed class FunctionHarness : IDisposable
{
    public const string FunctionId = "ext::score";

    /// <summary>What the tests allow, where they are not about it: their servers are on this machine and have no certificate.</summary>
    public static readonly HttpFunctionsOptions Open = new()
    {
        Security = new HttpFunctionsSecurityOptions { BlockPrivateIps = false, RequireHttps = false },
    };

    private readonly FunctionDirectory _functions = new();
    private readonly DeadlineSweeper _deadlines;
    private readonly InvocationMetrics _metrics;
    private readonly FunctionInvoker _invoker;
    private readonly HttpFunctionsModule _module;
    private readonly PendingTable _pending = new();
    private readonly CancellationTokenSource _lost = new();

    public FunctionHarness(HttpFunctionsOptions? options = null, GuardedDialer? dialer = null)
    {
        Time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
        _deadlines = new DeadlineSweeper(Time);
        _deadlines.Add(_pending);
        _metrics = new InvocationMetrics(Time);
        _invoker = new FunctionInvoker(_functions, _deadlines, _metrics, Time, TimeSpan.FromMinutes(10));
        _module = new HttpFunctionsModule(
            options ?? Open, Time, NullLogger<HttpFunctionsModule>.Instance, name => Environment.GetValueOrDefault(name), dialer);
    }

    public FakeTimeProvider Time { get; }

    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Registers the function; <paramref name="members"/> (each led by a comma) stand behind the URL.</summary>
    public FunctionProvider Register(string url, string members = "") =>
        RegisterRaw($$"""{"url":{{JsonSerializer.Serialize(url)}}{{members}}}""");

    public FunctionProvider RegisterRaw(string invocation)
    {
        var provider = _module.Provide(FunctionId, Encoding.UTF8.GetBytes(invocation), new HttpFunctionOwner(_pending, _lost.Token));
        Assert.True(_functions.Register(new FunctionRegistration(FunctionId, provider, this, FunctionDetails.None)));
        return provider;
    }

    /// <summary>Calls the function. A result is its JSON, none is null, and an error is <c>code: message</c>.</summary>
    public Task<string?> CallAsync(
        string data = "{}", WorkerIdentity? caller = null, string? traceParent = null, string? baggage = null, TimeSpan timeout = default)
    {
        var task = _invoker.InvokeAsync(new Invocation
        {
            FunctionId = FunctionId,
            Data = Encoding.UTF8.GetBytes(data),
            Caller = caller,
            TraceParent = traceParent is null ? default : Encoding.UTF8.GetBytes($"\"{traceParent}\""),
            Baggage = baggage is null ? default : Encoding.UTF8.GetBytes($"\"{baggage}\""),
            Timeout = timeout,
        });
        return ReadAsync(task);
    }

    /// <summary>What happens when the worker that registered the function is lost.</summary>
    public void LoseOwner()
    {
        foreach (var pending in _pending.Close())
        {
            pending.Complete(InvocationOutcome.Failure(ErrorCodes.InvocationStopped, "Invocation stopped"));
        }

        _lost.Cancel();
    }

    public void Dispose()
    {
        _lost.Cancel();
        _module.Dispose();
        _deadlines.Dispose();
        _metrics.Dispose();
        _lost.Dispose();
    }

    private static async Task<string?> ReadAsync(ValueTask<InvocationResult> task)
    {
        using var result = await task.AsTask().WaitAsync(TestWorker.Patience);
        if (result.IsError)
        {
            var (code, message) = result.ReadError();
            return $"{code}: {message}";
        }

        return result.Value.IsEmpty ? null : Encoding.UTF8.GetString(result.Value.Span);
    }
}
