using System.Text;
using Iii.Broker;
using Iii.Engine.Cluster.Wire;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Transfers;

/// <summary>
/// The way to another instance: sends frames to its inbox in the order of the calls, cuts those that are too large for the bus into
/// parts, and bounds what waits.
/// </summary>
/// <remarks>Thread-safe. It knows nothing of whether the instance is alive.</remarks>
internal sealed class Peer
{
    /// <summary>Bytes that may wait for the bus, for one peer. Beyond it new calls are refused as <see cref="SendOutcome.Full"/>.</summary>
    public const long MaxWaitingBytes = 64L * 1024 * 1024;

    /// <summary>Bytes that answers may add to that: they are not refused as easily, since a caller waits for each.</summary>
    public const long MaxWaitingAnswerBytes = 2 * MaxWaitingBytes;

    private readonly string _subject;
    private readonly byte[] _self;
    private readonly IMessageBus _bus;
    private readonly ClusterMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly PeerOutbox _outbox;
    private long _waitingBytes;
    private long _lastSent;

    public Peer(
        string id, string subject, byte[] self, IMessageBus bus, IOutboxObserver observer, ClusterMetrics metrics, TimeProvider time)
    {
        Id = id;
        Utf8Id = Encoding.UTF8.GetBytes(id);
        (_subject, _self, _bus, _metrics, _time) = (subject, self, bus, metrics, time);
        Observer = observer;
        _outbox = new PeerOutbox(this);
        Outgoing = new OutgoingTransfers(this, time);
        Incoming = new IncomingTransfers(time);
        LastUsed = time.GetTimestamp();
    }

    public string Id { get; }

    public byte[] Utf8Id { get; }

    /// <summary>Who is told of frames that did not arrive.</summary>
    public IOutboxObserver Observer { get; }

    /// <summary>The most bytes that the bus takes at once.</summary>
    public int MaxBusFrameBytes => _bus.Limits.MaxFrameBytes;

    public OutgoingTransfers Outgoing { get; }

    public IncomingTransfers Incoming { get; }

    /// <summary>When something was last sent to it or came from it, on the clock of the cluster.</summary>
    public long LastUsed { get; set; }

    /// <summary>When something was last sent to it.</summary>
    public long LastSent => Volatile.Read(ref _lastSent);

    /// <summary>The most bytes of one part of a large frame.</summary>
    public int PartBytes => Math.Min(256 * 1024, _bus.Limits.MaxFrameBytes - 512);

    /// <summary>The id of the sender, as frames start with it.</summary>
    public ReadOnlySpan<byte> Self => _self;

    /// <summary>Starts a frame to this peer.</summary>
    public FrameBuilder Begin(ClusterFrameKind kind, int capacity) => ClusterFrames.Begin(kind, _self, capacity);

    /// <summary>Sends a frame; the frame stays the caller's, and must not change before the task is done.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="isAnswer">Whether it ends something that somebody waits for; then it may use more room.</param>
    public ValueTask<SendOutcome> SendAsync(ReadOnlyMemory<byte> frame, bool isAnswer = false)
    {
        if (!TryWait(frame.Length, isAnswer))
        {
            return ValueTask.FromResult(SendOutcome.Full);
        }

        var sending = frame.Length <= MaxBusFrameBytes ? PublishAsync(frame) : Outgoing.SendAsync(frame);
        if (sending.IsCompletedSuccessfully)
        {
            NoLongerWaits(frame.Length);
            return sending;
        }

        return AwaitAsync(sending, frame.Length);
    }

    /// <summary>Queues a small frame, to go together with others. If it does not arrive, the <see cref="Observer"/> is told.</summary>
    /// <returns>False when too much waits already; the frame is still the caller's.</returns>
    public bool TryEnqueue(Frame frame)
    {
        if (!TryWait(frame.Length, isAnswer: false))
        {
            return false;
        }

        _outbox.Enqueue(frame);
        return true;
    }

    /// <summary>Sends a frame that nobody here waits for, and gives it back to the pool.</summary>
    public void Post(Frame frame, bool isAnswer = false)
    {
        if (frame.Length > PeerOutbox.MaxFrameBytes)
        {
            _ = PostAsync(frame, isAnswer);
        }
        else if (TryWait(frame.Length, isAnswer))
        {
            _outbox.Enqueue(frame);
        }
        else
        {
            Observer.Undelivered(this, frame.Span, SendOutcome.Full);
            frame.Return();
        }
    }

    /// <summary>Sends a frame that nobody here waits for at once, without others, and gives it back to the pool.</summary>
    public void PostAlone(Frame frame)
    {
        var sending = SendAsync(frame.Memory, isAnswer: true);
        if (sending.IsCompletedSuccessfully)
        {
            _ = sending.Result;
            frame.Return();
        }
        else
        {
            _ = AwaitAsync(sending, frame);
        }
    }

    /// <summary>A frame of that size has left the queue.</summary>
    public void NoLongerWaits(int bytes) => Interlocked.Add(ref _waitingBytes, -bytes);

    /// <summary>Publishes one frame that is small enough.</summary>
    public ValueTask<SendOutcome> PublishAsync(ReadOnlyMemory<byte> frame)
    {
        _metrics.FrameSent();
        Volatile.Write(ref _lastSent, _time.GetTimestamp());
        ValueTask<PublishOutcome> publishing;
        try
        {
            publishing = _bus.PublishAsync(_subject, frame);
        }
        catch (Exception e) when (e is BrokerException or ObjectDisposedException)
        {
            return ValueTask.FromResult(SendOutcome.Unavailable);
        }

        return publishing.IsCompletedSuccessfully
            ? ValueTask.FromResult(ToOutcome(publishing.Result))
            : AwaitAsync(publishing);
    }

    private static SendOutcome ToOutcome(PublishOutcome outcome) =>
        outcome == PublishOutcome.Sent ? SendOutcome.Sent : SendOutcome.NobodyListens;

    private static async ValueTask<SendOutcome> AwaitAsync(ValueTask<PublishOutcome> publishing)
    {
        try
        {
            return ToOutcome(await publishing);
        }
        catch (Exception e) when (e is BrokerException or ObjectDisposedException or OperationCanceledException)
        {
            return SendOutcome.Unavailable;
        }
    }

    private async Task PostAsync(Frame frame, bool isAnswer)
    {
        var outcome = await SendAsync(frame.Memory, isAnswer);
        if (outcome != SendOutcome.Sent)
        {
            Observer.Undelivered(this, frame.Span, outcome);
        }

        frame.Return();
    }

    private static async Task AwaitAsync(ValueTask<SendOutcome> sending, Frame frame)
    {
        await sending;
        frame.Return();
    }

    private async ValueTask<SendOutcome> AwaitAsync(ValueTask<SendOutcome> sending, int bytes)
    {
        try
        {
            return await sending;
        }
        finally
        {
            NoLongerWaits(bytes);
        }
    }

    private bool TryWait(int bytes, bool isAnswer)
    {
        var waiting = Interlocked.Add(ref _waitingBytes, bytes);
        if (waiting <= (isAnswer ? MaxWaitingAnswerBytes : MaxWaitingBytes) || waiting == bytes)
        {
            return true;
        }

        NoLongerWaits(bytes);
        return false;
    }
}
