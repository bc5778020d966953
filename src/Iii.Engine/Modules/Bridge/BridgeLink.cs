using System.Buffers;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using Iii.Engine.Gateways;
using Iii.Protocol;

namespace Iii.Engine.Modules.Bridge;

/// <summary>What a link does with a message that is not the answer to a call of its own.</summary>
internal delegate void BridgeMessageHandler(BridgeLink link, in Envelope message);

/// <summary>One connection to the other engine: one loop that sends, one that receives, and the calls that wait for an answer.</summary>
internal sealed class BridgeLink : IDisposable
{
    private const int BufferSize = 4096;

    private readonly ClientWebSocket _socket;
    private readonly WorkerGatewayOptions _limits;
    private readonly OutboundQueue _outbound;
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource<BridgeReply>> _calls = new();
    private volatile bool _isClosed;

    public BridgeLink(ClientWebSocket socket, WorkerGatewayOptions limits)
    {
        _socket = socket;
        _limits = limits;
        _outbound = new OutboundQueue(limits.OutboundQueueBytes, limits.OutboundQueueMessages);
    }

    /// <summary>Queues a frame. One that finds no room cuts the link: the other engine does not read.</summary>
    public bool Send(Frame frame)
    {
        if (_outbound.Enqueue(frame) == EnqueueResult.Queued)
        {
            return true;
        }

        frame.Return();
        _socket.Abort();
        return false;
    }

    /// <summary>Calls a function of the other engine. Failure is a value.</summary>
    public async Task<BridgeReply> CallAsync(
        string functionId,
        ReadOnlyMemory<byte> data,
        TimeSpan timeout,
        TimeProvider time,
        ReadOnlyMemory<byte> traceParent,
        ReadOnlyMemory<byte> baggage)
    {
        var id = Guid.NewGuid();
        var reply = new TaskCompletionSource<BridgeReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[id] = reply;
        try
        {
            // Looked at after the call is noted, so that either this or the end of the link sees the other.
            return _isClosed || !Send(BridgeFrames.Call(id, functionId, data.Span, traceParent.Span, baggage.Span))
                ? BridgeReply.Failure(BridgeReply.NotConnected)
                : await reply.Task.WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return BridgeReply.Failure(BridgeReply.TimedOut);
        }
        finally
        {
            _calls.TryRemove(id, out _);
        }
    }

    /// <summary>Sends and receives until the connection ends, in whatever way.</summary>
    public async Task RunAsync(BridgeMessageHandler handle, CancellationToken cancellation)
    {
        var sending = SendAllAsync();
        try
        {
            await ReceiveAllAsync(handle, cancellation);
        }
        finally
        {
            _isClosed = true;
            _outbound.Close();
            _socket.Abort();
            foreach (var (_, call) in _calls)
            {
                call.TrySetResult(BridgeReply.Failure(BridgeReply.NotConnected));
            }

            await sending;
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task SendAllAsync()
    {
        var isGone = false;
        await foreach (var frame in _outbound.Frames.ReadAllAsync())
        {
            try
            {
                if (!isGone)
                {
                    await _socket.SendAsync(frame.Memory, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
                }
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
            {
                // The receiving loop sees the same. What is still queued is lost.
                isGone = true;
                _socket.Abort();
            }
            finally
            {
                _outbound.Sent(frame);
                frame.Return();
            }
        }
    }

    private async Task ReceiveAllAsync(BridgeMessageHandler handle, CancellationToken cancellation)
    {
        var message = new ArrayBufferWriter<byte>(BufferSize);
        while (true)
        {
            var received = await _socket.ReceiveAsync(message.GetMemory(BufferSize), cancellation);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                return;
            }

            message.Advance(received.Count);
            if (message.WrittenCount > _limits.MaxMessageBytes)
            {
                throw new IOException($"the other engine sent a message of more than {_limits.MaxMessageBytes} bytes (max_message_bytes)");
            }

            if (received.EndOfMessage)
            {
                Handle(message.WrittenSpan, handle);
                message.ResetWrittenCount();
            }
        }
    }

    private void Handle(ReadOnlySpan<byte> bytes, BridgeMessageHandler handle)
    {
        if (!Envelope.TryRead(bytes, out var message, out _))
        {
            return;
        }

        if (message.Type != MessageType.InvocationResult)
        {
            handle(this, message);
        }
        else if (message.InvocationId.TryGetGuid(out var id) && _calls.TryRemove(id, out var call))
        {
            call.TrySetResult(BridgeReply.Of(message));
        }
    }
}
