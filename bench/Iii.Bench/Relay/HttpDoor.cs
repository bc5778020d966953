using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Iii.Bench.Wire;
using Microsoft.AspNetCore.Http;

namespace Iii.Bench.Relay;

/// <summary>The one terminal middleware: every request is a call of the one routed function.</summary>
internal sealed class HttpDoor(Switchboard switchboard)
{
    public async Task ServeAsync(HttpContext context)
    {
        var body = await ReadBodyAsync(context.Request.BodyReader, context.RequestAborted);
        if (!TryCall(context.Request, body, out var call))
        {
            context.Request.BodyReader.AdvanceTo(body.End);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        context.Request.BodyReader.AdvanceTo(body.End);
        var reply = await call.Reply;
        Write(context.Response, reply);
        reply.Message.Release();
    }

    private bool TryCall(HttpRequest request, in ReadOnlySequence<byte> body, out HttpCall call)
    {
        call = null!;
        if (switchboard.HttpFunction is not { } functionId || switchboard.ProviderOf(functionId) is not { } provider)
        {
            return false;
        }

        var invocationId = InvocationIds.Next();
        Message message;
        try
        {
            message = EngineMessages.HttpInvocation(invocationId, functionId, request, body);
        }
        catch (JsonException)
        {
            return false;
        }

        call = HttpCall.Rent();
        switchboard.Expect(invocationId, call);
        provider.Send(message);
        return true;
    }

    private static async ValueTask<ReadOnlySequence<byte>> ReadBodyAsync(PipeReader reader, CancellationToken aborted)
    {
        while (true)
        {
            var read = await reader.ReadAsync(aborted);
            if (read.IsCompleted)
            {
                return read.Buffer;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Copies the body of the result straight into the response's pipe; Kestrel flushes at the end.</summary>
    private static void Write(HttpResponse response, in HttpReply reply)
    {
        if (reply.Failed)
        {
            response.StatusCode = StatusCodes.Status500InternalServerError;
            return;
        }

        var result = reply.ResultJson;
        var (status, body) = HttpResult.Read(result);
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        response.BodyWriter.Write(body.Of(result));
    }
}
