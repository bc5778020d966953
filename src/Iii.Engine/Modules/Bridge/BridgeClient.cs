using System.Net.WebSockets;
using Iii.Engine.Gateways;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Bridge;

/// <summary>A worker of another engine, inside this one. It connects for as long as it lives, again and again.</summary>
/// <param name="url">The other engine's worker port.</param>
/// <param name="limits">The bounds of the connection.</param>
/// <param name="introduce">Says on a new connection who this is and what it offers; before that there are no calls.</param>
/// <param name="handle">Takes what is not the answer to a call.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed class BridgeClient(
    string url, WorkerGatewayOptions limits, Action<BridgeLink> introduce, BridgeMessageHandler handle, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    /// <summary>The time between the end of a connection and the next attempt.</summary>
    public static readonly TimeSpan ReconnectDelay = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private volatile BridgeLink? _link;
    private string? _lastProblem;
    private Task _running = Task.CompletedTask;

    /// <summary>Begins to connect. Never fails: the other engine may come up later.</summary>
    public void Start() => _running = RunAsync();

    /// <summary>Calls a function of the other engine. Failure is a value.</summary>
    /// <param name="functionId">The function.</param>
    /// <param name="data">Its input; empty is sent as <c>null</c>.</param>
    /// <param name="timeout">How long the answer is waited for.</param>
    /// <param name="traceParent">The caller's trace context as a JSON string, or empty.</param>
    /// <param name="baggage">The caller's baggage as a JSON string, or empty.</param>
    public Task<BridgeReply> CallAsync(
        string functionId,
        ReadOnlyMemory<byte> data,
        TimeSpan timeout,
        ReadOnlyMemory<byte> traceParent = default,
        ReadOnlyMemory<byte> baggage = default) =>
        _link is { } link
            ? link.CallAsync(functionId, data, timeout, time, traceParent, baggage)
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
        try
        {
            while (true)
            {
                try
                {
                    await ServeAsync();
                    logger.BridgeClosed(url);
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    LogOnce(e.GetBaseException().Message);
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
    private void LogOnce(string problem)
    {
        if (problem != _lastProblem)
        {
            _lastProblem = problem;
            logger.BridgeLost(url, problem);
        }
    }

    private async Task ServeAsync()
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

        introduce(link);
        _link = link;
        _lastProblem = null;
        logger.BridgeConnected(url);
        try
        {
            await link.RunAsync(handle, _stop.Token);
        }
        finally
        {
            _link = null;
        }
    }
}
