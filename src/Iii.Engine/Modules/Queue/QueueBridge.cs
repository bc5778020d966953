using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>
/// The queues of another engine, offered as if they were this one's. The other engine keeps the jobs, and decides when they are tried;
/// this one hands over what is enqueued, and works for the triggers that are registered here.
/// </summary>
internal sealed class QueueBridge : IAsyncDisposable
{
    /// <summary>How long the other engine may take to store a job.</summary>
    public static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private const string Name = "queue bridge";
    private const int Overhead = 16 * 1024;

    private readonly string _url;
    private readonly WorkerGatewayOptions _limits;
    private readonly TimeSpan _jobTimeout;
    private readonly FunctionInvoker _invoker;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BridgedSubscriptions _subscriptions;
    private readonly BridgeClient _client;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isStopping;
    private long _bytesUnderWay;
    private int _callsUnderWay;
    private int _running;

    public QueueBridge(
        string url,
        TimeSpan jobTimeout,
        WorkerGatewayOptions limits,
        FunctionDirectory functions,
        FunctionInvoker invoker,
        TimeProvider time,
        ILogger<QueueBridge> logger)
    {
        (_url, _jobTimeout, _limits, _invoker, _time, _logger) = (url, jobTimeout, limits, invoker, time, logger);
        _subscriptions = new BridgedSubscriptions(functions);
        _client = new BridgeClient(url, limits, Introduce, Handle, time, logger);
    }

    /// <summary>Jobs, and conditions of jobs, that this instance works on.</summary>
    public int RunningJobs => Volatile.Read(ref _running);

    /// <summary>Offers the functions and trigger types.</summary>
    public void AddTo(EngineFunctions engine, TriggerDirectory triggers)
    {
        const string Description = "Puts a message into a topic of the queues of another engine";
        engine.Add("enqueue", Description, EnqueueAsync);
        engine.Add("iii::durable::publish", Description, EnqueueAsync);
        var type = new BridgedTriggerType(_subscriptions, _logger);
        triggers.AddType(QueueTriggerType.QueueId, QueueTriggerType.QueueDescription, type);
        triggers.AddType(QueueTriggerType.DurableId, QueueTriggerType.DurableDescription, type);
    }

    /// <summary>Begins to connect.</summary>
    public void Start() => _client.Start();

    /// <summary>Takes no more jobs; done when those that run have ended and been answered, or the patience has.</summary>
    public async Task DrainAsync(TimeSpan patience)
    {
        _subscriptions.Stop();
        _isStopping = true;
        if (RunningJobs > 0)
        {
            await _idle.Task.WaitAsync(patience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Frames keep their order: when this one is answered, by whatever error, those before it have been read.
        await _client.CallAsync(BridgedSubscriptions.FunctionPrefix, default, Grace);
    }

    public async ValueTask DisposeAsync()
    {
        _subscriptions.Dispose();
        await _client.DisposeAsync();
    }

    private void Introduce(BridgeLink link)
    {
        link.Send(BridgeFrames.Introduce(Name));
        _subscriptions.Introduce(link);
    }

    private async ValueTask<ReadOnlyMemory<byte>> EnqueueAsync(EngineCall call, CancellationToken cancellation)
    {
        var input = EnqueueInput.Read(call);
        var size = call.Data.Length + Overhead;
        if (size > _limits.MaxMessageBytes)
        {
            throw Failed($"its input has {call.Data.Length} bytes, which do not fit into a message to the other engine (max_message_bytes)");
        }

        try
        {
            // Half of what may wait for the other engine, so that there is room for the answers to it.
            if (Interlocked.Add(ref _bytesUnderWay, size) > _limits.OutboundQueueBytes / 2
                | Interlocked.Increment(ref _callsUnderWay) > _limits.OutboundQueueMessages / 2)
            {
                throw Failed("too many are on their way to the other engine already; try again later");
            }

            var reply = await _client.CallAsync("enqueue", call.Data, AnswerTimeout, call.TraceParent, call.Baggage);
            return reply switch
            {
                { Error: null } => input.WantsReceipt ? reply.Value : default,
                { Remote: ({ } code and (QueueErrorCodes.EnqueueFailed or ErrorCodes.DeserializationError), var message) } =>
                    throw new EngineFunctionException(code, message),
                _ => throw Failed($"{reply.Error} ({_url})"),
            };
        }
        finally
        {
            Interlocked.Add(ref _bytesUnderWay, -size);
            Interlocked.Decrement(ref _callsUnderWay);
        }
    }

    private static EngineFunctionException Failed(string problem) => new(QueueErrorCodes.EnqueueFailed, $"The job was not enqueued: {problem}");

    private void Handle(BridgeLink link, in Envelope message)
    {
        switch (message.Type)
        {
            case MessageType.TriggerRegistrationResult when message.Error.HasValue:
                _logger.BridgedTriggerRefused(message.Id.GetString() ?? "", _url, ErrorBody.Read(message.Error.Raw).Message);
                break;
            case MessageType.InvokeFunction when _subscriptions.FindLocal(message.FunctionId.GetString() ?? "") is { } functionId:
                Invoke(link, message, functionId);
                break;
            case MessageType.InvokeFunction:
                var error = ErrorBody.Write(ErrorCodes.FunctionNotFound, "No trigger of this engine needs the function any more");
                BridgeExposure.Answer(link, message.InvocationId.Raw, message.FunctionId.Raw, default, error);
                break;
            default:
                break;
        }
    }

    private void Invoke(BridgeLink link, in Envelope message, string functionId)
    {
        var call = _invoker.InvokeAsync(new Invocation
        {
            FunctionId = functionId,
            Data = message.Data.Raw,
            Metadata = message.Metadata.HasValue ? message.Metadata.Raw : default,
            TraceParent = message.TraceParent.IsString ? message.TraceParent.Raw : default,
            Baggage = message.Baggage.IsString ? message.Baggage.Raw : default,
            Timeout = _jobTimeout,
        });
        _ = AnswerAsync(link, message.InvocationId.Raw.ToArray(), message.FunctionId.Raw.ToArray(), call);
    }

    /// <summary>Answers with the function's own error, so that the other engine decides, and shows, what it would of its own workers.</summary>
    private async Task AnswerAsync(BridgeLink link, byte[] invocationId, byte[] functionId, ValueTask<InvocationResult> call)
    {
        Interlocked.Increment(ref _running);
        using (var result = await call)
        {
            var (value, error) = (result.Value, default(byte[]));
            if (result.IsError)
            {
                var (code, text) = result.ReadError();
                error = ErrorBody.Write(code, text);
            }

            BridgeExposure.Answer(link, invocationId, functionId, value.IsEmpty ? "null"u8 : value.Span, error);
        }

        if (Interlocked.Decrement(ref _running) == 0 && _isStopping)
        {
            _idle.TrySetResult();
        }
    }
}
