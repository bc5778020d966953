using System.Diagnostics;
using System.Text.Json.Serialization.Metadata;
using Iii.Protocol;
using Iii.Sdk.Tracing;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Functions;

/// <summary>One call of a function of this worker: its input, and its answer.</summary>
/// <remarks>It has a copy of the message, so that a handler may keep what it got.</remarks>
internal sealed class InboundCall : IThreadPoolWorkItem
{
    private readonly InboundCalls _owner;
    private readonly byte[]? _invocationIdJson;
    private InvocationContext? _context;
    private Activity? _activity;

    public InboundCall(InboundCalls owner, Function function, in Envelope envelope)
    {
        _owner = owner;
        Function = function;
        Data = envelope.Data.IsPresent ? envelope.Data.Raw.ToArray() : "null"u8.ToArray();
        _invocationIdJson = envelope.InvocationId.IsString ? envelope.InvocationId.Raw.ToArray() : null;
        Metadata = envelope.Metadata.HasValue ? System.Text.Encoding.UTF8.GetString(envelope.Metadata.Raw) : null;
        TraceParent = envelope.TraceParent.GetString();
        Baggage = envelope.Baggage.GetString();
    }

    public Function Function { get; }

    public ReadOnlyMemory<byte> Data { get; }

    public string? Metadata { get; }

    public string? TraceParent { get; }

    public string? Baggage { get; }

    public IiiWorker Worker => _owner.Worker;

    public CancellationToken Cancellation => _owner.Cancellation;

    public InvocationContext Context => _context ??= new InvocationContext(this);

    public string? InvocationId => new JsonSlice(_invocationIdJson).GetString();

    public string? CallerWorkerId => new JsonSlice(Data.Span).Find("_caller_worker_id"u8).GetString();

    public void Execute()
    {
        var outer = Activity.Current;
        _activity = WorkerActivities.StartServer(this);
        try
        {
            var running = Function.RunAsync(this);
            if (running.IsCompletedSuccessfully)
            {
                End();
            }
            else
            {
                _ = AwaitAsync(running);
            }
        }
        catch (Exception e)
        {
            Fail(e);
            End();
        }

        if (_activity is not null)
        {
            Activity.Current = outer;
        }
    }

    /// <summary>Answers with JSON; empty for no result.</summary>
    public void Answer(ReadOnlySpan<byte> resultJson)
    {
        if (_invocationIdJson is null)
        {
            return;
        }

        using var message = MessageWriter.Rent();
        Messages.AnswerHead(message, _invocationIdJson, Function.IdJson);
        message.Member(",\"result\":"u8, resultJson);
        message.Append("}"u8);
        _owner.Send(message.Span);
    }

    /// <summary>Answers with a value.</summary>
    public void Answer<T>(T result, JsonTypeInfo<T> type)
    {
        if (_invocationIdJson is null)
        {
            return;
        }

        using var message = MessageWriter.Rent();
        Messages.AnswerHead(message, _invocationIdJson, Function.IdJson);
        message.Append(",\"result\":"u8);
        message.Append(result, type);
        message.Append("}"u8);
        _owner.Send(message.Span);
    }

    /// <summary>Answers with an error.</summary>
    public void Fail(Exception e)
    {
        var code = e switch
        {
            IiiFunctionException own => own.Code,
            OperationCanceledException when Cancellation.IsCancellationRequested => ErrorCodes.InvocationStopped,
            _ => ErrorCodes.InvocationFailed,
        };
        if (e is not IiiException)
        {
            _owner.Failed(Function.Id, e);
        }

        WorkerActivities.Fail(_activity, code, e.Message);
        Fail(code, e.Message, e.StackTrace);
    }

    public void Fail(string code, string text, string? stackTrace = null)
    {
        if (_invocationIdJson is null)
        {
            return;
        }

        using var message = MessageWriter.Rent();
        Messages.AnswerHead(message, _invocationIdJson, Function.IdJson);
        message.Append(",\"error\":"u8);
        Messages.Error(message, code, text, _owner.SendsStackTraces ? stackTrace : null);
        message.Append("}"u8);
        _owner.Send(message.Span);
    }

    private async Task AwaitAsync(ValueTask running)
    {
        try
        {
            await running.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Fail(e);
        }

        End();
    }

    private void End()
    {
        _activity?.Dispose();
        if (_owner.IsCongested && !Function.RunsInline)
        {
            // The call keeps its place until its answer is written, so that answers cannot pile up without bound.
            _ = EndWhenWrittenAsync();
            return;
        }

        _owner.Ended(this);
    }

    private async Task EndWhenWrittenAsync()
    {
        await _owner.RoomAsync().ConfigureAwait(false);
        _owner.Ended(this);
    }
}
