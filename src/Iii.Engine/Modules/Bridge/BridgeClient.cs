using System.Net.WebSockets;
using Iii.Engine.Gateways;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Bridge;

/// <summary>A worker of another engine, inside this one. It connects for as long as it lives, again and again.</summary>
internal sealed class BridgeClient(
    BridgeOptions options, WorkerGatewayOptions limits, FunctionInvoker invoker, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    /// <summary>The time between the end of a connection and the next attempt.</summary>
    public static readonly TimeSpan ReconnectDelay = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, string> _exposed = options.Expose
        .GroupBy(static expose => expose.RemoteFunction ?? expose.LocalFunction, StringComparer.Ordinal)
        .ToDictionary(static group => group.Key, static group => group.Last().LocalFunction, StringComparer.Ordinal);

    private volatile BridgeLink? _link;
    private string? _lastProblem;
    private Task _running = Task.CompletedTask;

    /// <summary>Begins to connect. Never fails: the other engine may come up later.</summary>
    public void Start() => _running = RunAsync();

    /// <summary>Calls a function of the other engine. Failure is a value.</summary>
    public Task<BridgeReply> CallAsync(string functionId, ReadOnlyMemory<byte> data, TimeSpan timeout) =>
        _link is { } link
            ? link.CallAsync(functionId, data, timeout, time)
            : Task.FromResult(BridgeReply.Failure(BridgeReply.NotConnected));

    /// <summary>Calls a function of the other engine without waiting for an answer.</summary>
    /// <returns>Whether the call was sent.</returns>
    public bool Post(string functionId, ReadOnlySpan<byte> data) => _link?.Send(BridgeFrames.Call(null, functionId, data)) == true;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    private async Task RunAsync()
    {
        var url = options.Target;
        try
        {
            while (true)
            {
                try
                {
                    await ServeAsync(url);
                    logger.BridgeClosed(url);
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    LogOnce(url, e.GetBaseException().Message);
                }

                await Task.Delay(ReconnectDelay, time, _stop.Token);
            }
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // Stopped, wherever it was.
        }
    }

    /// <summary>An engine that is away for a night must not fill the log with one line.</summary>
    private void LogOnce(string url, string problem)
    {
        if (problem != _lastProblem)
        {
            _lastProblem = problem;
            logger.BridgeLost(url, problem);
        }
    }

    private async Task ServeAsync(string url)
    {
        var socket = new ClientWebSocket();
        using var link = new BridgeLink(socket, limits);

        // A proxy of the environment is for web pages, and would cut a connection that lives for days.
        socket.Options.Proxy = null;
        socket.Options.KeepAliveInterval = TimeSpan.FromMilliseconds(limits.PingIntervalMs);
        socket.Options.KeepAliveTimeout = TimeSpan.FromMilliseconds(limits.PingTimeoutMs);
        using (var patience = new CancellationTokenSource(ConnectTimeout, time))
        using (var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stop.Token))
        {
            await socket.ConnectAsync(new Uri(url), either.Token);
        }

        Introduce(link);
        _link = link;
        _lastProblem = null;
        logger.BridgeConnected(url);
        try
        {
            await link.RunAsync(Handle, _stop.Token);
        }
        finally
        {
            _link = null;
        }
    }

    private void Introduce(BridgeLink link)
    {
        link.Send(BridgeFrames.Introduce(options.ServiceName ?? options.ServiceId ?? "bridge"));
        if (options.ServiceId is { } serviceId)
        {
            link.Send(BridgeFrames.RegisterService(serviceId, options.ServiceName ?? serviceId));
        }

        foreach (var remoteFunction in _exposed.Keys)
        {
            link.Send(BridgeFrames.RegisterFunction(remoteFunction));
        }
    }

    private void Handle(BridgeLink link, in Envelope message)
    {
        if (message.Type != MessageType.InvokeFunction || message.FunctionId.GetString() is not { } remoteFunction)
        {
            return;
        }

        if (!_exposed.TryGetValue(remoteFunction, out var localFunction))
        {
            Answer(link, message.InvocationId.Raw, message.FunctionId.Raw, default, ErrorBody.Write(ErrorCodes.FunctionNotFound, "Function not found"));
            return;
        }

        var invocation = new Invocation
        {
            FunctionId = localFunction,
            Data = message.Data.Raw,
            Metadata = message.Metadata.HasValue ? message.Metadata.Raw : default,
            TraceParent = message.TraceParent.IsString ? message.TraceParent.Raw : default,
            Baggage = message.Baggage.IsString ? message.Baggage.Raw : default,
        };
        _ = AnswerAsync(link, message.InvocationId.Raw.ToArray(), message.FunctionId.Raw.ToArray(), invoker.InvokeAsync(invocation));
    }

    private static async Task AnswerAsync(BridgeLink link, byte[] invocationId, byte[] functionId, ValueTask<InvocationResult> call)
    {
        using var result = await call;
        if (result.IsError)
        {
            Answer(link, invocationId, functionId, default, ErrorBody.Write(ErrorCodes.InvocationFailed, BridgeReply.RemoteError(result.ReadError())));
        }
        else
        {
            Answer(link, invocationId, functionId, result.Value.IsEmpty ? "null"u8 : result.Value.Span, default);
        }
    }

    private static void Answer(
        BridgeLink link, ReadOnlySpan<byte> invocationId, ReadOnlySpan<byte> functionId, ReadOnlySpan<byte> result, ReadOnlySpan<byte> error)
    {
        if (!invocationId.IsEmpty)
        {
            link.Send(Frames.InvocationResult(invocationId, functionId, result, error, default, default));
        }
    }
}
