using Iii.Engine.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Http;

/// <summary>How a streamed response begins.</summary>
/// <param name="Control">Its status and headers.</param>
/// <param name="First">The first piece of its body, to be returned; null when it has none.</param>
internal sealed record ResponseStart(ResponseControl Control, ChannelMessage? First);

/// <summary>Sends a streamed response: each message of the channel is a piece of the body, and reaches the client as it comes.</summary>
internal sealed class ResponseStream(ResponseWriter responses, ILogger logger)
{
    /// <summary>Sends head and body, and returns when the function has closed the channel or the client has left.</summary>
    public async ValueTask SendAsync(HttpContext context, HttpRoute route, ResponseStart start, MessageChannel channel)
    {
        if (start.First is not { } message)
        {
            await responses.SendStreamedAsync(context, start.Control);
            return;
        }

        if (!responses.BeginStream(context, start.Control))
        {
            // The writer learns that nobody reads when the request ends.
            message.Return();
            return;
        }

        // Between two pieces nothing is written, so a client that leaves is noticed by this.
        await using var registration = context.RequestAborted.UnsafeRegister(
            static state => ((MessageChannel)state!).CloseReader(), channel);
        var body = context.Response.BodyWriter;
        var hasMessage = true;
        do
        {
            if (!hasMessage)
            {
                continue;
            }

            try
            {
                if (!message.IsText && (await body.WriteAsync(message.Memory)).IsCompleted)
                {
                    break;
                }
            }
            finally
            {
                message.Return();
            }
        }
        while ((hasMessage = channel.TryRead(out message)) || await channel.WaitToReadAsync());

        if (context.RequestAborted.IsCancellationRequested)
        {
            logger.ClientLeft(route.MethodName, route.Label);
        }
        else if (channel.Ending == ChannelEnding.Lost)
        {
            // A body that ends in the normal way would look whole.
            logger.ResponseLost(route.MethodName, route.Label, route.FunctionId);
            context.Abort();
        }
    }
}
