using System.Net.WebSockets;

namespace Iii.Engine.Gateways;

/// <summary>
/// The WebSocket close codes that the gateway uses: ones that every SDK reconnects from, so never 1000, 1001 or an empty
/// close (protocol §1.7).
/// </summary>
internal static class CloseCodes
{
    /// <summary>1012: the instance shuts down; connect again, maybe elsewhere.</summary>
    public const WebSocketCloseStatus ServiceRestart = (WebSocketCloseStatus)1012;

    /// <summary>1013: the worker reads too slowly and its queue is full.</summary>
    public const WebSocketCloseStatus TryAgainLater = (WebSocketCloseStatus)1013;

    /// <summary>1009: the worker sent a message over the limit.</summary>
    public const WebSocketCloseStatus MessageTooBig = WebSocketCloseStatus.MessageTooBig;

    /// <summary>1011: what the socket was for has failed.</summary>
    public const WebSocketCloseStatus InternalError = WebSocketCloseStatus.InternalServerError;
}
