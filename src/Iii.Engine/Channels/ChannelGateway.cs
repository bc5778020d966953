using System.Net.WebSockets;
using Iii.Engine.Cluster;
using Iii.Engine.Cluster.Relays;
using Iii.Engine.Gateways;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Channels;

/// <summary>The channel endpoint of the worker port: a socket for one end of one channel.</summary>
internal sealed class ChannelGateway(
    WorkerGatewayOptions options, ChannelDirectory channels, ClusterNode cluster, ILogger<ChannelGateway> logger)
{
    /// <summary>Handles a request for an end. Whoever may not have it learns so before the upgrade.</summary>
    public async Task HandleAsync(HttpContext context, ChannelAddress address)
    {
        if (address.Key is null || address.Direction is not { } direction)
        {
            await Refusal.SendAsync(
                context, StatusCodes.Status400BadRequest, "A channel needs the query parameters 'key' and 'dir', the latter 'read' or 'write'.");
            return;
        }

        if (!context.WebSockets.IsWebSocketRequest)
        {
            await Refusal.SendAsync(
                context,
                HttpMethods.IsGet(context.Request.Method) ? StatusCodes.Status400BadRequest : StatusCodes.Status405MethodNotAllowed,
                "A channel is opened with a WebSocket.");
            return;
        }

        // Claimed before the upgrade: two that come at once do not both get it.
        var (claim, channel) = await ClaimAsync(address.ChannelId, address.Key, direction);
        if (claim == ClaimOutcome.NotFound)
        {
            await Refusal.SendAsync(context, StatusCodes.Status404NotFound, "Channel not found");
            return;
        }

        var isClaimed = claim == ClaimOutcome.Claimed;
        try
        {
            using var webSocket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
            {
                // No timeout: writers of the Rust SDK never read, so they answer no pings.
                KeepAliveInterval = TimeSpan.FromMilliseconds(options.PingIntervalMs),
                KeepAliveTimeout = Timeout.InfiniteTimeSpan,
            });
            var socket = new ChannelSocket(webSocket, context.Abort);
            await (isClaimed ? ServeAsync(socket, channel!, direction) : RefuseAsync(socket, address.ChannelId, direction));
        }
        finally
        {
            if (isClaimed)
            {
                Release(channel!, direction);
            }
        }
    }

    /// <summary>Claims an end here, or at the instance that the channel's id names.</summary>
    private async Task<(ClaimOutcome Outcome, MessageChannel? Channel)> ClaimAsync(string id, string key, ChannelDirection direction)
    {
        if (channels.Find(id, key, direction) is { } channel)
        {
            return channel.TryClaim(direction) ? (ClaimOutcome.Claimed, channel) : (ClaimOutcome.Taken, null);
        }

        return cluster.Relays is { } relays && ChannelId.InstanceOf(id) is { } instance && instance != channels.Instance.Text
            ? await relays.ClaimAsync(instance, id, key, direction)
            : (ClaimOutcome.NotFound, null);
    }

    private async Task ServeAsync(ChannelSocket socket, MessageChannel channel, ChannelDirection direction)
    {
        logger.EndOpened(channel.Id, direction);
        await (direction == ChannelDirection.Read
            ? ChannelReaderSocket.RunAsync(socket, channel)
            : new ChannelWriterSocket(socket, channel, options.MaxMessageBytes, logger).RunAsync());
        logger.EndClosed(channel.Id, direction);
    }

    private async Task RefuseAsync(ChannelSocket socket, string channelId, ChannelDirection direction)
    {
        logger.EndRefused(channelId, direction);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, socket.DiscardAsync());
    }

    /// <summary>However the socket ended, and be it during the upgrade, its end is done.</summary>
    private static void Release(MessageChannel channel, ChannelDirection direction)
    {
        if (direction == ChannelDirection.Read)
        {
            channel.CloseReader();
        }
        else
        {
            channel.Complete(ChannelEnding.Lost);
        }
    }
}
