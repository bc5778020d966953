using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Iii.Broker;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Modules.Queue;

/// <summary>Tries jobs: calls the function through the one door, and has <see cref="RetryPolicy"/> say what becomes of the job.</summary>
#pragma warning disable CA1001 // The source has neither timer nor wait handle, and may be looked at after the end.
internal sealed class JobRunner(FunctionInvoker invoker, QueueMetrics metrics, TimeSpan timeout, ILogger logger)
#pragma warning restore CA1001
{
    private static readonly JobOutcome NoProvider = new(
        JobEnd.Refused, new AttemptFailure(ErrorCodes.FunctionNotFound, "No worker of this instance provides the function any more."));

    private static readonly RetryOptions Once = new(1, TimeSpan.FromSeconds(1));

    private readonly CancellationTokenSource _givenUp = new();
    private volatile bool _isStopping;
    private int _running;

    /// <summary>Jobs that are tried at this moment.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>From now on a worker that is lost is one that the engine has sent away.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>Gives back what is still tried: it is delivered again, and the outcome of what runs meanwhile is of no more interest.</summary>
    public Task GiveUpAsync() => _givenUp.CancelAsync();

    /// <summary>The verdict on a delivery that nobody here can try.</summary>
    public static QueueVerdict Refuse(QueueDelivery delivery) =>
        RetryPolicy.Decide(NoProvider, delivery.Attempt, delivery.Failures, Once, Random.Shared.NextDouble());

    /// <summary>Tries a job.</summary>
    public async ValueTask<QueueVerdict> RunAsync(QueueDelivery delivery, Job job)
    {
        Interlocked.Increment(ref _running);
        try
        {
            var verdict = RetryPolicy.FindPoison(delivery.Failures) is { } poison
                ? QueueVerdict.DeadLetter(poison)
                : await TryAsync(delivery, job);
            Note(verdict, delivery, job);
            return verdict;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private async ValueTask<QueueVerdict> TryAsync(QueueDelivery delivery, Job job)
    {
        if (Check(delivery, job) is not { } outcome)
        {
            var attempt = AttemptAsync(delivery, job);
            await ((Task)attempt).WaitAsync(_givenUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!attempt.IsCompleted)
            {
                return QueueVerdict.RetryAfter(TimeSpan.Zero);
            }

            outcome = await attempt;
        }

        return _isStopping && outcome is { End: JobEnd.Failed, Failure.Code: ErrorCodes.InvocationStopped }
            ? QueueVerdict.RetryAfter(TimeSpan.Zero)
            : RetryPolicy.Decide(outcome, delivery.Attempt, delivery.Failures, job.Retry, Random.Shared.NextDouble());
    }

    /// <summary>Null, or why the message is no job.</summary>
    private static JobOutcome? Check(QueueDelivery delivery, in Job job) =>
        string.IsNullOrEmpty(job.FunctionId)
            ? Unusable($"The message has no header '{JobHeaders.FunctionId}', which says what is to be called.")
            : IsJson(delivery.Payload.Span) ? null : Unusable("The payload is not JSON.");

    private static JobOutcome Unusable(string message) => new(JobEnd.Unusable, new AttemptFailure(QueueErrorCodes.MalformedJob, message));

    internal static bool IsJson(ReadOnlySpan<byte> payload)
    {
        if (!Utf8.IsValid(payload))
        {
            return false;
        }

        // It stands in a message, one level down.
        var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth - 1 });
        try
        {
            var isAny = false;
            while (reader.Read())
            {
                isAny = true;
            }

            return isAny;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private async Task<JobOutcome> AttemptAsync(QueueDelivery delivery, Job job)
    {
        var metadata = Metadata(delivery, job);
        if (job.ConditionFunctionId is not null)
        {
            // The bytes are lent until the verdict, which may be given before the condition has answered.
            delivery = delivery with { Payload = delivery.Payload.ToArray() };
            using var condition = await AskAsync(delivery, job);
            switch (TriggerCondition.Decide(condition))
            {
                case ConditionOutcome.Skip:
                    return JobOutcome.Done;
                case ConditionOutcome.Failed:
                    return Undecided(condition, delivery, job);
                default:
                    break;
            }
        }

        using var result = await InvokeAsync(delivery, job, metadata);
        if (!result.IsError)
        {
            return JobOutcome.Done;
        }

        var (code, message) = result.ReadError();
        return Failed(result, delivery, code, message);
    }

    /// <summary>
    /// A condition that nobody took, or whose worker was lost, says nothing against the job: what becomes of it is then as if that had happened
    /// to the function.
    /// </summary>
    private static JobOutcome Undecided(in InvocationResult condition, QueueDelivery delivery, in Job job)
    {
        var (code, message) = condition.ReadError();
        return Failed(
            condition,
            delivery,
            condition.IsRefusal || code == ErrorCodes.InvocationStopped ? code : QueueErrorCodes.ConditionFailed,
            $"The condition {job.ConditionFunctionId} failed: {code}: {message}");
    }

    private static JobOutcome Failed(in InvocationResult result, QueueDelivery delivery, string code, string message) =>
        result.IsRefusal
            ? new JobOutcome(JobEnd.Refused, Failure(delivery, code, message))
            : new JobOutcome(JobEnd.Failed, Failure(delivery, code, message) with { Worker = result.Provider?.WorkerLabel });

    private ValueTask<InvocationResult> AskAsync(QueueDelivery delivery, in Job job) => TriggerCondition.AskAsync(
        invoker,
        job.ConditionFunctionId!,
        new Invocation
        {
            FunctionId = job.FunctionId!,
            Data = delivery.Payload.Span,
            TraceParent = JobHeaders.TraceParentJson(delivery.Headers),
            Baggage = JobHeaders.BaggageJson(delivery.Headers),
        });

    private ValueTask<InvocationResult> InvokeAsync(QueueDelivery delivery, in Job job, byte[] metadata) => invoker.InvokeAsync(new Invocation
    {
        FunctionId = job.FunctionId!,
        Data = delivery.Payload.Span,
        Metadata = metadata,
        TraceParent = JobHeaders.TraceParentJson(delivery.Headers),
        Baggage = JobHeaders.BaggageJson(delivery.Headers),
        Timeout = timeout,
    });

    private static AttemptFailure Failure(QueueDelivery delivery, string code, string message) =>
        new(code, message) { TraceId = JobHeaders.TraceId(delivery.Headers) };

    /// <summary>What the function is told beside its input.</summary>
    private static byte[] Metadata(QueueDelivery delivery, in Job job)
    {
        var json = new FrameBuilder(192);
        json.Append("{\"message_id\":"u8);
        json.AppendText(delivery.MessageId);
        json.Append(",\"attempt\":"u8);
        RetryPolicy.CountTries(delivery.Failures).TryFormat(json.Reserve(11), out var digits, default, CultureInfo.InvariantCulture);
        json.Advance(digits);
        json.Append(job.IsTopic ? ",\"topic\":"u8 : ",\"queue\":"u8);
        json.AppendText(job.Name);
        json.Append(",\"enqueued_at\":"u8);
        json.AppendText(delivery.EnqueuedAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
        json.Append("}"u8);
        return json.ToArray();
    }

    private void Note(QueueVerdict verdict, QueueDelivery delivery, in Job job)
    {
        switch (verdict)
        {
            case QueueVerdict.Retried { Failure: { } failure } retried:
                metrics.Retried();
                logger.JobRetried(job.Name, delivery.MessageId, job.FunctionId ?? "", retried.Delay, failure.Code, failure.Message);
                break;
            case QueueVerdict.Retried retried:
                metrics.Waited();
                logger.JobWaits(job.Name, delivery.MessageId, job.FunctionId ?? "", retried.Delay);
                break;
            case QueueVerdict.DeadLettered dead:
                metrics.DeadLettered();
                logger.JobDead(job.Name, delivery.MessageId, job.FunctionId ?? "", delivery.Attempt, dead.Reason.Code, dead.Reason.Message);
                break;
            default:
                metrics.Handled();
                break;
        }
    }
}
