using System.Buffers;
using System.Buffers.Binary;

namespace Iii.Sdk.Transport;

/// <summary>
/// One open WebSocket: many messages out with one write, many messages in with one read. Watches that the peer lives.
/// </summary>
/// <remarks>
/// The framework's own client makes a write of every message and reads through a small buffer, which costs a worker half of
/// its throughput; the frames of this protocol are simple enough to be written here.
/// </remarks>
internal sealed class WebSocketLink : IDisposable
{
    private const int ReadBytes = 64 * 1024;
    private const int NormalClosure = 1000;

    private readonly HttpResponseMessage _response;
    private readonly Stream _stream;
    private readonly LinkOptions _options;
    private readonly ITimer _watch;
    private byte[] _inbound = new byte[ReadBytes];
    private WorkBatch _work;
    private int _inboundLength;
    private ArrayBufferWriter<byte>? _fragments;
    private long _lastReceived;
    private long _lastPing;
    private int _isCut;

    private WebSocketLink(HttpResponseMessage response, Stream stream, LinkOptions options)
    {
        _response = response;
        _stream = stream;
        _options = options;
        Outbound = new OutboundFrames(stream);
        _work = new WorkBatch(Outbound);
        _lastReceived = _lastPing = options.Time.GetTimestamp();
        var period = options.PingInterval / 4;
        _watch = options.Time.CreateTimer(static link => ((WebSocketLink)link!).Watch(), this, period, period);
    }

    /// <summary>What waits to be written.</summary>
    public OutboundFrames Outbound { get; }

    /// <summary>The close code that the peer sent; null when the connection was cut.</summary>
    public int? CloseCode { get; private set; }

    public static async Task<WebSocketLink> OpenAsync(Uri url, LinkOptions options, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(options.HandshakeTimeout, options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience.Token);
        try
        {
            var (response, stream) = await WebSocketHandshake.PerformAsync(url, options.Headers, options.Http, both.Token).ConfigureAwait(false);
            return new WebSocketLink(response, stream, options);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"{url} did not answer the handshake within {options.HandshakeTimeout.TotalSeconds:0.#} s.");
        }
    }

    /// <summary>Queues a text message.</summary>
    public bool TrySend(ReadOnlySpan<byte> message) => Outbound.TryAppend(Opcode.Text, message);

    /// <summary>Queues a binary message.</summary>
    public bool TrySendBinary(ReadOnlySpan<byte> message) => Outbound.TryAppend(Opcode.Binary, message);

    /// <summary>Receives until either side ends the connection. What a receiver sends meanwhile leaves with one write per read.</summary>
    public async Task RunAsync(IMessageReceiver receiver)
    {
        try
        {
            while (true)
            {
                Outbound.Cork();
                bool isOpen;
                try
                {
                    isOpen = TakeFrames(receiver);
                }
                finally
                {
                    Outbound.Uncork();
                }

                if (!isOpen)
                {
                    QueueWork();
                    await Outbound.WrittenAsync().ConfigureAwait(false);
                    return;
                }

                var read = _stream.ReadAsync(_inbound.AsMemory(_inboundLength), CancellationToken.None);
                var count = TakeWork() is { } work ? await new ReadBesideWork(read, work) : await read.ConfigureAwait(false);
                if (count == 0)
                {
                    return;
                }

                _inboundLength += count;
                Volatile.Write(ref _lastReceived, _options.Time.GetTimestamp());
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException && Volatile.Read(ref _isCut) == 1)
        {
            // Cut from this side: by the watch, or by the worker's end.
        }
        catch (IOException)
        {
            // Cut from the other side; whoever runs the link connects again.
        }
        finally
        {
            // What came in front of a defect was received nevertheless.
            QueueWork();
            Cut();
        }
    }

    /// <summary>Sends what is queued and a close frame. The receive loop ends when the peer has answered.</summary>
    public async Task CloseAsync()
    {
        var code = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(code, NormalClosure);
        if (Outbound.TryAppend(Opcode.Close, code))
        {
            await Outbound.WrittenAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends the connection at once.</summary>
    public void Cut()
    {
        if (Interlocked.Exchange(ref _isCut, 1) == 0)
        {
            Outbound.Close();
            _watch.Dispose();
            _stream.Dispose();
            _response.Dispose();
        }
    }

    public void Dispose() => Cut();

    private void Watch()
    {
        var now = _options.Time.GetTimestamp();
        if (_options.Time.GetElapsedTime(Volatile.Read(ref _lastReceived), now) >= _options.PingTimeout)
        {
            Cut();
        }
        else if (_options.Time.GetElapsedTime(_lastPing, now) >= _options.PingInterval)
        {
            _lastPing = now;
            Outbound.TryAppend(Opcode.Ping, []);
        }
    }

    /// <summary>Hands on every whole message and moves the rest to the front; false once the peer closes.</summary>
    private bool TakeFrames(IMessageReceiver receiver)
    {
        var at = 0;
        var isOpen = true;
        while (isOpen && FrameHeader.TryRead(_inbound.AsSpan(at, _inboundLength - at), _options.MaxMessageBytes, out var header))
        {
            var end = at + header.Size + header.PayloadLength;
            if (end > _inboundLength)
            {
                Grow(header.Size + header.PayloadLength);
                break;
            }

            isOpen = Take(header, _inbound.AsSpan(at + header.Size, header.PayloadLength), receiver);
            at = end;
        }

        var rest = _inbound.AsSpan(at, _inboundLength - at);
        if (rest.IsEmpty && _inbound.Length > ReadBytes)
        {
            _inbound = new byte[ReadBytes];
        }
        else
        {
            rest.CopyTo(_inbound);
        }

        _inboundLength -= at;
        return isOpen;
    }

    /// <summary>What the messages since the last time gave to do; null for nothing.</summary>
    private WorkBatch? TakeWork()
    {
        if (_work.IsEmpty)
        {
            return null;
        }

        var work = _work;
        _work = new WorkBatch(Outbound);
        return work;
    }

    private void QueueWork()
    {
        if (TakeWork() is { } work)
        {
            ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
        }
    }

    private void Grow(int frameSize)
    {
        if (_inbound.Length < frameSize)
        {
            // In one step: the length is known, and bounded by the option.
            Array.Resize(ref _inbound, frameSize + ReadBytes);
        }
    }

    private bool Take(in FrameHeader header, ReadOnlySpan<byte> payload, IMessageReceiver receiver)
    {
        switch (header.Opcode)
        {
            case Opcode.Text or Opcode.Binary when header.IsFinal:
                receiver.Receive(payload, _work);
                return true;
            case Opcode.Text or Opcode.Binary or Opcode.Continuation:
                TakeFragment(header, payload, receiver);
                return true;
            case Opcode.Ping:
                Outbound.TryAppend(Opcode.Pong, payload);
                return true;
            case Opcode.Pong:
                return true;
            case Opcode.Close:
                CloseCode = payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(payload) : null;
                Outbound.TryAppend(Opcode.Close, payload.Length >= 2 ? payload[..2] : []);
                return false;
            default:
                throw new InvalidDataException($"The engine sent a frame of the unknown kind {header.Opcode}.");
        }
    }

    private void TakeFragment(in FrameHeader header, ReadOnlySpan<byte> payload, IMessageReceiver receiver)
    {
        _fragments ??= new ArrayBufferWriter<byte>();
        if (_fragments.WrittenCount + payload.Length > _options.MaxMessageBytes)
        {
            throw new InvalidDataException($"The engine sent a message of more than {_options.MaxMessageBytes} bytes (MaxMessageBytes).");
        }

        _fragments.Write(payload);
        if (header.IsFinal)
        {
            receiver.Receive(_fragments.WrittenSpan, _work);
            _fragments = null;
        }
    }
}
