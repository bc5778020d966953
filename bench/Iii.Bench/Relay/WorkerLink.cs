using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;
using Iii.Bench.Wire;

namespace Iii.Bench.Relay;

/// <summary>One worker socket: a receive loop that scans the top level, and one sender loop over a channel.</summary>
internal sealed class WorkerLink(WebSocket socket, Switchboard switchboard) : IReplyTaker
{
    private const int ReceiveBytes = 1024;

    private readonly Channel<Message> _outbound = Channel.CreateUnbounded<Message>(
        new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = false });

    public async Task RunAsync(CancellationToken cancellation)
    {
        Send(EngineMessages.WorkerRegistered(Guid.NewGuid()));
        var sender = SendLoopAsync(cancellation);
        try
        {
            await ReceiveLoopAsync(cancellation);
        }
        catch (Exception failure) when (failure is WebSocketException or OperationCanceledException)
        {
            // The peer left without a close frame, or the relay stops: both end the link.
        }
        finally
        {
            switchboard.Leave(this);
            _outbound.Writer.TryComplete();
            await sender;
        }
    }

    /// <summary>Queues a message; its array goes back to the pool once sent.</summary>
    public void Send(Message message)
    {
        if (!_outbound.Writer.TryWrite(message))
        {
            message.Release();
        }
    }

    /// <summary>A reply to a call this worker made goes back as it came.</summary>
    public void Take(Message message, in Envelope envelope) => Send(message);

    private async Task SendLoopAsync(CancellationToken cancellation)
    {
        var reader = _outbound.Reader;
        try
        {
            while (await reader.WaitToReadAsync(cancellation))
            {
                while (reader.TryRead(out var message))
                {
                    await socket.SendAsync(message.Memory, WebSocketMessageType.Text, endOfMessage: true, cancellation);
                    message.Release();
                }
            }
        }
        catch (Exception failure) when (failure is WebSocketException or OperationCanceledException)
        {
            socket.Abort();
        }
    }

    private async Task ReceiveLoopAsync(CancellationToken cancellation)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(ReceiveBytes);
        var length = 0;
        while (true)
        {
            var received = await socket.ReceiveAsync(bytes.AsMemory(length), cancellation);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                ArrayPool<byte>.Shared.Return(bytes);
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellation);
                return;
            }

            length += received.Count;
            if (!received.EndOfMessage)
            {
                bytes = length < bytes.Length ? bytes : Grow(bytes);
                continue;
            }

            if (Accept(new Message(bytes, length)))
            {
                bytes = ArrayPool<byte>.Shared.Rent(ReceiveBytes);
            }

            length = 0;
        }
    }

    /// <summary>Acts on one message; true when its array was handed on.</summary>
    private bool Accept(Message message)
    {
        if (!Envelope.TryRead(message.Span, out var envelope))
        {
            return false;
        }

        switch (envelope.Kind)
        {
            case MessageKind.InvocationResult:
                return switchboard.Deliver(message, envelope);
            case MessageKind.InvokeFunction:
                return Forward(message, envelope);
            case MessageKind.RegisterFunction:
                switchboard.Provide(envelope.Id.Of(message.Span), this);
                return false;
            case MessageKind.RegisterTrigger when envelope.TriggerType.Of(message.Span).SequenceEqual("http"u8):
                switchboard.Route(envelope.FunctionId.Of(message.Span));
                return false;
            default:
                return false;
        }
    }

    private bool Forward(Message message, in Envelope envelope)
    {
        var functionId = envelope.FunctionId.Of(message.Span);
        if (switchboard.ProviderOf(functionId) is not { } provider)
        {
            if (envelope.HasInvocationId)
            {
                Send(EngineMessages.FunctionNotFound(envelope.InvocationId, functionId));
            }

            return false;
        }

        if (envelope.HasInvocationId)
        {
            switchboard.Expect(envelope.InvocationId, this);
        }

        provider.Send(message);
        return true;
    }

    private static byte[] Grow(byte[] bytes)
    {
        var larger = ArrayPool<byte>.Shared.Rent(bytes.Length * 2);
        bytes.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(bytes);
        return larger;
    }
}
