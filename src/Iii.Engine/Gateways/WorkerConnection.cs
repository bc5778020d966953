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
internal sealed class WorkerConnection : FunctionProvider, IFunctionOwner, ITriggerRegistrant, IDisposable
{
    private readonly OutboundQueue _outbound;
    private readonly Action _abort;
    private readonly CancellationTokenSource _lost = new();
    private readonly TimeProvider _time;
    private readonly int _maxInvocations;
    private readonly Lock _ending = new();
    private ITimer? _grace;
    private bool _isClosing;
    private bool _isDisposed;
    private int _calls;
    private int _isWorker;

    /// <summary>How long a connection may take to send what is queued and to see the close handshake through.</summary>
    public static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(2);

    /// <summary>Takes over an accepted socket.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="abort">Cuts the TCP connection; not called after <see cref="Dispose"/>.</param>
    /// <param name="remoteAddress">The peer's address.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The limits.</param>
    public WorkerConnection(WebSocket socket, Action abort, string? remoteAddress, TimeProvider time, WorkerGatewayOptions options)
    {
        Socket = socket;
        _abort = abort;
        _time = time;
        _maxInvocations = options.MaxInvocations;
        RemoteAddress = remoteAddress;
        ConnectedAt = time.GetUtcNow();
        _outbound = new OutboundQueue(options.OutboundQueueBytes, options.OutboundQueueMessages);
    }

    public WebSocket Socket { get; }

    public WorkerIdentity Identity { get; } = new(Guid.NewGuid());

    public string WorkerId => Identity.Id;

    /// <summary>The secret with which a later connection can claim to continue this one.</summary>
    public string ReattachToken { get; } = Guid.NewGuid().ToString("N");

    public string? RemoteAddress { get; }

    public DateTimeOffset ConnectedAt { get; }

    /// <summary>Called, on a thread of the pool, when the engine gives the worker up because it reads too slowly.</summary>
    public Action<WorkerConnection>? GivenUp { get; set; }

    public OutboundQueue Outbound => _outbound;

    /// <summary>The invocations that this worker works on.</summary>
    public PendingTable Pending { get; } = new();

    /// <summary>Cancelled when its invocations have been ended, for those that something else than the socket carries out.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Held while a registration of this connection is made, and when all of them are removed.</summary>
    public Lock Registering { get; } = new();

    /// <summary>Whether its registrations have been removed; it can make no more. Only to be touched under <see cref="Registering"/>.</summary>
    public bool IsRemoved { get; set; }

    /// <summary>The ids of the functions that it registered.</summary>
    public ConcurrentSet<string> Functions { get; } = new();

    public WorkerMetadata Metadata { get; set; } = WorkerMetadata.None;

    public string? WorkerName => Metadata.Name;

    public override string WorkerLabel => Metadata.LabelOf(WorkerId);

    /// <summary>The close code to send when the queue has been emptied; null while the connection is open.</summary>
    public WebSocketCloseStatus? CloseStatus { get; private set; }

    public string? CloseReason { get; private set; }

    /// <summary>Whether the socket was opened for telemetry alone: whatever else comes on it is ignored.</summary>
    public bool IsTelemetryOnly { get; init; }

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
        if (Pending.Count >= _maxInvocations)
        {
            return DispatchResult.Full;
        }

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

        var queued = _outbound.Enqueue(frame);
        if (queued == EnqueueResult.Queued)
        {
            return DispatchResult.Dispatched;
        }

        frame.Return();

        // Nobody there: the connection's end took the entry out in between, and has ended the invocation.
        return Pending.Take(id) is null ? DispatchResult.Dispatched
            : queued == EnqueueResult.Closed ? DispatchResult.Gone : DispatchResult.Full;
    }

    /// <summary>Sends a frame that must not be lost: a worker whose queue has no room for it is disconnected with 1013.</summary>
    public void Send(Frame frame)
    {
        var queued = _outbound.Enqueue(frame);
        if (queued == EnqueueResult.Queued)
        {
            return;
        }

        frame.Return();
        if (queued == EnqueueResult.Full && Close(CloseCodes.TryAgainLater, "outbound queue is full: the worker reads too slowly"))
        {
            // Its functions and calls go at once, not when the peer has answered. Not here: the caller may hold a directory's lock.
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.GivenUp?.Invoke(connection), this, preferLocal: false);
        }
    }

    /// <summary>
    /// Sends what is queued, then the close code; after <see cref="CloseGrace"/> the socket is cut, however far that came.
    /// </summary>
    /// <returns>False when the connection is closing already.</returns>
    public bool Close(WebSocketCloseStatus status, string? reason)
    {
        lock (_ending)
        {
            if (_isClosing || _isDisposed)
            {
                return false;
            }

            _isClosing = true;
            CloseReason = reason;
            CloseStatus = status;
            _grace = _time.CreateTimer(
                static state => ((WorkerConnection)state!).Abort(), this, CloseGrace, Timeout.InfiniteTimeSpan);
        }

        _outbound.Close();
        return true;
    }

    /// <summary>Stops what is still carried out on its behalf. Its invocations have been ended before.</summary>
    public void StopWork() => _ = _lost.CancelAsync();

    /// <summary>Cuts the socket.</summary>
    public void Abort()
    {
        _outbound.Close();
        lock (_ending)
        {
            if (!_isDisposed)
            {
                _abort();
            }
        }
    }

    public void Dispose()
    {
        lock (_ending)
        {
            _isDisposed = true;
        }

        _grace?.Dispose();
        Socket.Dispose();
    }
}
