using System.Net.WebSockets;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Gateways;

/// <summary>
/// One accepted worker socket: what it provides, what it works on, and the way to send to it. Its receive loop is
/// <see cref="WorkerReceiver"/>, its send loop <see cref="WorkerSender"/>.
/// </summary>
internal sealed class WorkerConnection : FunctionProvider, ITriggerRegistrant, IDisposable
{
    private readonly OutboundQueue _outbound;
    private readonly Action _abort;
    private CancellationTokenSource? _grace;
    private int _calls;
    private int _isClosing;
    private int _isWorker;

    /// <summary>How long a peer may take to answer the close handshake.</summary>
    public static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(2);

    public WorkerConnection(
        WebSocket socket, Action abort, string? remoteAddress, DateTimeOffset connectedAt, WorkerGatewayOptions options)
    {
        Socket = socket;
        _abort = abort;
        RemoteAddress = remoteAddress;
        ConnectedAt = connectedAt;
        _outbound = new OutboundQueue(options.OutboundQueueBytes, options.OutboundQueueMessages);
    }

    public WebSocket Socket { get; }

    public WorkerIdentity Identity { get; } = new(Guid.NewGuid());

    public string WorkerId => Identity.Id;

    /// <summary>The secret with which a later connection can claim to continue this one.</summary>
    public string ReattachToken { get; } = Guid.NewGuid().ToString("N");

    public string? RemoteAddress { get; }

    public DateTimeOffset ConnectedAt { get; }

    public OutboundQueue Outbound => _outbound;

    /// <summary>The invocations that this worker works on.</summary>
    public PendingTable Pending { get; } = new();

    /// <summary>Held while a registration of this connection is made, and when all of them are removed.</summary>
    public Lock Registering { get; } = new();

    /// <summary>Whether its registrations have been removed; it can make no more. Only to be touched under <see cref="Registering"/>.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>The ids of the functions that it registered.</summary>
    public ConcurrentSet<string> Functions { get; } = new();

    public WorkerMetadata Metadata { get; set; } = WorkerMetadata.None;

    /// <summary>The close code to send when the queue has been emptied; null while the connection is open.</summary>
    public WebSocketCloseStatus? CloseStatus { get; private set; }

    public string? CloseReason { get; private set; }

    /// <summary>Whether it has sent a protocol message: until then it may be a telemetry socket, and is not listed.</summary>
    public bool IsWorker => Volatile.Read(ref _isWorker) == 1;

    /// <summary>Calls under way in either role.</summary>
    public int ActiveInvocations => Pending.Count + Volatile.Read(ref _calls);

    public override int InFlight => Pending.Count;

    public override bool OpensChannels => Metadata.KnowsChannels;

    /// <summary>Notes the first protocol message.</summary>
    /// <returns>True for the first one.</returns>
    public bool BecomeWorker() => Volatile.Read(ref _isWorker) == 0 && Interlocked.Exchange(ref _isWorker, 1) == 0;

    /// <summary>Counts a call that this worker makes.</summary>
    public void CallStarted() => Interlocked.Increment(ref _calls);

    public void CallEnded() => Interlocked.Decrement(ref _calls);

    public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
    {
        var id = pending.DispatchId;
        var caller = invocation.Caller is { } identity ? identity.Json : default;
        var frame = Frames.InvokeFunction(
            id, function.IdJson, invocation.Data, caller, invocation.TraceParent, invocation.Baggage, invocation.Metadata);

        // The entry is there before the frame leaves, so that the fastest answer finds it.
        if (!Pending.TryAdd(pending))
        {
            frame.Return();
            return DispatchResult.Gone;
        }

        if (_outbound.TryEnqueue(frame, out var isClosed))
        {
            return DispatchResult.Dispatched;
        }

        frame.Return();

        // Nobody there: the connection's end took the entry out in between, and has ended the invocation.
        return Pending.Take(id) is null ? DispatchResult.Dispatched : isClosed ? DispatchResult.Gone : DispatchResult.Full;
    }

    /// <summary>Sends a frame that must not be lost: a worker whose queue has no room for it is disconnected with 1013.</summary>
    public void Send(Frame frame)
    {
        if (_outbound.TryEnqueue(frame, out var isClosed))
        {
            return;
        }

        frame.Return();
        if (!isClosed)
        {
            Close(CloseCodes.TryAgainLater, "outbound queue is full: the worker reads too slowly", CloseGrace);
        }
    }

    /// <summary>Sends what is queued, then the close code, and gives the peer the grace to answer; then the socket is cut.</summary>
    public void Close(WebSocketCloseStatus status, string? reason, TimeSpan grace)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0)
        {
            return;
        }

        CloseReason = reason;
        CloseStatus = status;
        _outbound.Close();
        _grace = new CancellationTokenSource(grace);
        _grace.Token.Register(_abort);
    }

    /// <summary>Cuts the socket.</summary>
    public void Abort()
    {
        _outbound.Close();
        _abort();
    }

    public void Dispose()
    {
        _grace?.Dispose();
        Socket.Dispose();
    }
}
