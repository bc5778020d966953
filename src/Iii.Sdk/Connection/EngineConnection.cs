using Iii.Sdk.Calls;
using Iii.Sdk.Transport;
using Iii.Sdk.Wire;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Connection;

/// <summary>
/// The worker's connection, made anew whenever it ends. Keeps what is registered and the calls that wait for a connection,
/// and tells them to each new one.
/// </summary>
internal sealed class EngineConnection : IAsyncDisposable
{
    /// <summary>How long the engine may take to answer the close handshake.</summary>
    private static readonly TimeSpan CloseGrace = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly Uri _url;
    private readonly IiiWorkerOptions _options;
    private readonly CallTable _calls;
    private readonly ILogger _logger;
    private readonly LinkOptions _linkOptions;
    private readonly Backoff _backoff = new(Random.Shared.NextDouble);
    private readonly Registrations _registrations = new();
    private readonly Queue<PendingCall> _unsent = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly CancellationToken _endingToken;
    private readonly byte[] _introduction;
    private volatile WebSocketLink? _link;
    private TaskCompletionSource<string> _connected = New();
    private string? _workerId;
    private string? _previousWorkerId;
    private string? _reattachToken;
    private Task _running = Task.CompletedTask;
    private bool _isClosed;

    public EngineConnection(Uri url, IiiWorkerOptions options, CallTable calls, ILogger logger)
    {
        _url = url;
        _options = options;
        _calls = calls;
        _logger = logger;
        _endingToken = _ending.Token;
        _introduction = Introduction.Write(options);
        _linkOptions = new LinkOptions
        {
            Headers = options.Headers,
            Http = options.Http,
            Time = options.Time,
            HandshakeTimeout = options.HandshakeTimeout,
            PingInterval = options.PingInterval,
            PingTimeout = options.PingTimeout,
            MaxMessageBytes = options.MaxMessageBytes,
        };
    }

    public Uri Url => _url;

    /// <summary>Cancelled when the worker is closed.</summary>
    public CancellationToken Ending => _endingToken;

    public LinkOptions LinkOptions => _linkOptions;

    /// <summary>The id that the engine gave to the present connection; null while there is none.</summary>
    public string? WorkerId => Volatile.Read(ref _workerId);

    public bool IsConnected => WorkerId is not null;

    /// <summary>Starts connecting, off the caller's thread and context: handlers run on the receive loop's.</summary>
    public void Start(IMessageReceiver receiver)
    {
        var started = new TaskCompletionSource<Task>();
        ThreadPool.UnsafeQueueUserWorkItem(_ => started.SetResult(RunAsync(receiver)), null);
        _running = started.Task.Unwrap();
    }

    /// <summary>Completes as soon as there is a connection, with the worker's id on it.</summary>
    public Task<string> ConnectedAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            return _connected.Task.WaitAsync(cancellation);
        }
    }

    /// <summary>Takes the engine's hello.</summary>
    public void Registered(string workerId, string? reattachToken)
    {
        lock (_gate)
        {
            Volatile.Write(ref _workerId, workerId);
            _previousWorkerId = workerId;
            _reattachToken = reattachToken;
            _connected.TrySetResult(workerId);
        }

        _logger.Connected(_url, workerId);
    }

    /// <summary>Registers something now and on every later connection.</summary>
    /// <returns>False when something of that id is registered already.</returns>
    public bool TryRegister(RegistrationKind kind, string id, ReadOnlySpan<byte> message)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, typeof(IiiWorker));
            if (!_registrations.Of(kind).TryAdd(id, message.ToArray()))
            {
                return false;
            }

            _link?.TrySend(message);
            return true;
        }
    }

    public void Unregister(RegistrationKind kind, string id, ReadOnlySpan<byte> message)
    {
        lock (_gate)
        {
            if (_registrations.Of(kind).Remove(id))
            {
                _link?.TrySend(message);
            }
        }
    }

    /// <summary>Sends a message that makes sense on the present connection only.</summary>
    public void Send(ReadOnlySpan<byte> message) => _link?.TrySend(message);

    /// <summary>Sends a call, or lets it wait for the connection.</summary>
    public void Send(PendingCall call, ReadOnlySpan<byte> message)
    {
        if (_link is { } link && TrySend(link, call, message))
        {
            return;
        }

        lock (_gate)
        {
            if (_link is { } current && TrySend(current, call, message))
            {
                return;
            }

            if (_isClosed)
            {
                _calls.Take(call.Number)?.Fail(new IiiConnectionException(
                    IiiConnectionException.WorkerClosed, $"{call.FunctionId} was not called: the worker is closed"));
                return;
            }

            if (_unsent.Count >= _options.MaxQueuedCalls)
            {
                ForgetEnded();
            }

            if (_unsent.Count >= _options.MaxQueuedCalls)
            {
                _calls.Take(call.Number)?.Fail(new IiiConnectionException(
                    IiiConnectionException.QueueFull,
                    $"{call.FunctionId} was not called: {_unsent.Count} calls wait for the connection already (MaxQueuedCalls)"));
                return;
            }

            call.Unsent = message.ToArray();
            _unsent.Enqueue(call);
        }
    }

    /// <summary>Whether more waits to be written than should.</summary>
    public bool IsCongested => _link is { } link && link.Outbound.Waiting > _options.MaxOutboundBytes;

    /// <summary>The wait for room, when too much waits to be written.</summary>
    public ValueTask RoomAsync(CancellationToken cancellation) =>
        _link is { } link && link.Outbound.Waiting > _options.MaxOutboundBytes
            ? new ValueTask(link.Outbound.WrittenAsync().WaitAsync(cancellation))
            : default;

    /// <summary>Takes everything back at the engine, so that it sends no more work. What is under way still finishes.</summary>
    public void Withdraw()
    {
        lock (_gate)
        {
            using var message = MessageWriter.Rent();
            foreach (var (kind, head) in new[]
            {
                (RegistrationKind.Trigger, """{"type":"unregistertrigger","id":"""),
                (RegistrationKind.Function, """{"type":"unregisterfunction","id":"""),
                (RegistrationKind.TriggerType, """{"type":"unregistertriggertype","id":"""),
            })
            {
                foreach (var id in _registrations.Of(kind).Keys)
                {
                    message.Truncate(0);
                    Messages.Unregister(message, System.Text.Encoding.UTF8.GetBytes(head), id);
                    _link?.TrySend(message.Span);
                }

                _registrations.Of(kind).Clear();
            }
        }
    }

    /// <summary>Cuts the present connection, for tests; a new one is made.</summary>
    public void Cut() => _link?.Cut();

    public async ValueTask DisposeAsync()
    {
        WebSocketLink? link;
        lock (_gate)
        {
            _isClosed = true;
            link = _link;
            _connected.TrySetException(new ObjectDisposedException(typeof(IiiWorker).Name));
            _ = _connected.Task.Exception;
        }

        await _ending.CancelAsync().ConfigureAwait(false);
        if (link is not null)
        {
            try
            {
                await link.CloseAsync().WaitAsync(CloseGrace).ConfigureAwait(false);
                await _running.WaitAsync(CloseGrace).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The engine does not answer; nobody has to wait for it.
            }

            link.Cut();
        }

        await _running.ConfigureAwait(false);
        _ending.Dispose();
        _calls.FailAll(null, static call => new IiiConnectionException(
            IiiConnectionException.WorkerClosed, $"{call.FunctionId} was not answered: the worker was closed"));
    }

    private static TaskCompletionSource<string> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync(IMessageReceiver receiver)
    {
        while (!_ending.IsCancellationRequested)
        {
            TimeSpan delay;
            try
            {
                using var link = await WebSocketLink.OpenAsync(_url, _linkOptions, _ending.Token).ConfigureAwait(false);
                _backoff.Reset();
                var failure = await ServeAsync(link, receiver).ConfigureAwait(false);
                if (_ending.IsCancellationRequested)
                {
                    return;
                }

                delay = _backoff.Next();
                _logger.Disconnected(_url, link.CloseCode, delay, failure);
            }
            catch (OperationCanceledException) when (_ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                delay = _backoff.Next();
                _logger.ConnectFailed(_url, delay, e);
            }

            await Task.Delay(delay, _options.Time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Runs one connection to its end.</summary>
    /// <returns>Why it ended, when it was not closed or cut.</returns>
    private async Task<Exception?> ServeAsync(WebSocketLink link, IMessageReceiver receiver)
    {
        Attach(link);
        try
        {
            await link.RunAsync(receiver).ConfigureAwait(false);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e;
        }
        finally
        {
            link.Cut();
            Detach(link);
        }
    }

    /// <summary>Tells a new connection everything, in the order that the engine needs.</summary>
    private void Attach(WebSocketLink link)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                // Opened while the worker was closed: nobody would end it.
                link.Cut();
                return;
            }

            link.Outbound.Cork();
            if (_previousWorkerId is not null && _reattachToken is not null)
            {
                using var message = MessageWriter.Rent();
                Messages.Reattach(message, _previousWorkerId, _reattachToken);
                link.TrySend(message.Span);
            }

            foreach (var message in _registrations.Replay())
            {
                link.TrySend(message);
            }

            while (_unsent.TryDequeue(out var call))
            {
                if (call.Unsent is { } message && _calls.Holds(call))
                {
                    call.Unsent = null;
                    TrySend(link, call, message);
                }
            }

            link.TrySend(_introduction);
            _link = link;
            link.Outbound.Uncork();
        }
    }

    private void Detach(WebSocketLink link)
    {
        lock (_gate)
        {
            _link = null;
            Volatile.Write(ref _workerId, null);
            if (_connected.Task.IsCompletedSuccessfully)
            {
                _connected = New();
            }
        }

        _calls.FailAll(link, static call => new IiiConnectionException(
            IiiConnectionException.ConnectionLost,
            $"{call.FunctionId} was called, and the connection to the engine was lost before the answer came; the call may have run"));
    }

    private bool TrySend(WebSocketLink link, PendingCall call, ReadOnlySpan<byte> message)
    {
        // Noted before it is sent, so that the loss of the link finds it.
        call.SentOn = link;
        if (!link.TrySend(message))
        {
            call.SentOn = null;
            return false;
        }

        if (!call.ExpectsAnswer)
        {
            _calls.Take(call.Number)?.Succeed();
        }

        return true;
    }

    private void ForgetEnded()
    {
        for (var i = _unsent.Count; i > 0; i--)
        {
            var call = _unsent.Dequeue();
            if (_calls.Holds(call))
            {
                _unsent.Enqueue(call);
            }
        }
    }
}
