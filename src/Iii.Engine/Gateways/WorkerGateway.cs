using System.Net.WebSockets;
using Iii.Engine.Channels;
using Iii.Engine.Cluster;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Telemetry;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Gateways;

/// <summary>The worker port: accepts WebSockets under any path and keeps each until one side ends it.</summary>
internal sealed class WorkerGateway(
    WorkerGatewayOptions options,
    WorkerDirectory workers,
    FunctionDirectory functions,
    TriggerDirectory triggers,
    FunctionInvoker invoker,
    HttpFunctionsModule httpFunctions,
    TelemetryIntake telemetry,
    ClusterNode cluster,
    ChannelGateway channels,
    TimeProvider time,
    ILogger<WorkerGateway> logger)
{
    private const string ShuttingDown = "the engine is shutting down";

    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>Takes calls that are to be enqueued; null when there are no queues. Set before the first worker comes.</summary>
    public QueueModule? Queues { get; set; }

    /// <summary>Handles one request on the worker port.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        // While the engine drains, the functions that still run may open the channels they were given.
        if (ChannelAddress.Find(context.Request) is { } channel)
        {
            await channels.HandleAsync(context, channel);
            return;
        }

        if (workers.IsDraining)
        {
            await Refusal.SendAsync(context, StatusCodes.Status503ServiceUnavailable, "The engine is shutting down.");
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            await Refusal.SendAsync(
                context,
                HttpMethods.IsGet(context.Request.Method) ? StatusCodes.Status400BadRequest : StatusCodes.Status405MethodNotAllowed,
                "This is the worker port: connect with a WebSocket. HTTP routes are served on the port of the HTTP module.");
            return;
        }

        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            KeepAliveInterval = TimeSpan.FromMilliseconds(options.PingIntervalMs),
            KeepAliveTimeout = TimeSpan.FromMilliseconds(options.PingTimeoutMs),
        });
        using var connection = new WorkerConnection(
            socket, context.Abort, context.Connection.RemoteIpAddress?.ToString(), time, options)
        {
            IsTelemetryOnly = context.Request.Path.Value?.EndsWith("/otel", StringComparison.Ordinal) == true,
        };
        connection.GivenUp = workers.Remove;
        await ServeAsync(connection);
    }

    /// <summary>
    /// Takes no new workers and no new work, waits until the invocations under way have ended or the time is up, then closes
    /// every socket with 1012. The requests behind the sockets end when their peers have answered, or after the grace.
    /// </summary>
    public async Task DrainAsync(Func<int> countRequests, TimeSpan patience)
    {
        workers.IsDraining = true;
        await cluster.LeaveAsync();
        var end = time.GetTimestamp() + (long)(patience.TotalSeconds * time.TimestampFrequency);
        while (workers.ActiveInvocations + cluster.PendingCount + countRequests() > 0 && time.GetTimestamp() < end)
        {
            await Task.Delay(DrainPoll, time);
        }

        foreach (var connection in workers.Connections)
        {
            connection.Close(CloseCodes.ServiceRestart, ShuttingDown);
        }
    }

    private async Task ServeAsync(WorkerConnection connection)
    {
        var messages = new WorkerMessages(connection, workers, functions, triggers, invoker, httpFunctions, Queues, telemetry, cluster, options, logger);
        connection.Send(Frames.WorkerRegistered(connection.WorkerId, connection.ReattachToken));
        workers.Add(connection);
        if (workers.IsDraining)
        {
            // Accepted while the drain began: it may have come too late for the drain's round of closing.
            connection.Close(CloseCodes.ServiceRestart, ShuttingDown);
        }

        logger.SocketOpened(connection.WorkerId, connection.RemoteAddress);
        var sender = WorkerSender.RunAsync(connection);
        try
        {
            await WorkerReceiver.RunAsync(connection, messages, options.MaxMessageBytes);
        }
        catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Gone without a close frame, or cut: the same as a close.
        }
        finally
        {
            // Before the close handshake: a peer that reconnects at once must not meet its own past.
            workers.Remove(connection);
            await CloseAsync(connection, sender);
            logger.SocketClosed(connection.WorkerId, connection.Socket.CloseStatus);
        }
    }

    /// <summary>Lets what is queued go out and answers the peer's close, for as long as the grace lasts.</summary>
    private static async Task CloseAsync(WorkerConnection connection, Task sender)
    {
        if (connection.Socket.State != WebSocketState.CloseReceived)
        {
            connection.Abort();
            await sender;
            return;
        }

        // A close without a code is answered with 1000: the framework would put "no code" on the wire as one, which is illegal.
        var isEmpty = connection.Socket.CloseStatus is null or WebSocketCloseStatus.Empty;
        connection.Close(
            isEmpty ? WebSocketCloseStatus.NormalClosure : connection.Socket.CloseStatus!.Value,
            isEmpty ? null : connection.Socket.CloseStatusDescription);
        await sender;
    }
}
