using System.Diagnostics;
using System.Text.Json.Serialization.Metadata;
using Iii.Sdk.Connection;
using Iii.Sdk.Tracing;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Calls;

/// <summary>Makes calls: writes them, waits for their answers, and gives up in time.</summary>
internal sealed class Caller(CallTable calls, EngineConnection connection, TimeSpan defaultTimeout)
{
    public static readonly InvokeOptions NoOptions = new();

    /// <summary>The action of a call that nobody answers.</summary>
    public static readonly byte[] VoidAction = """{"type":"void"}"""u8.ToArray();

    /// <summary>Makes a call with an input that is JSON already.</summary>
    public ValueTask<ReadOnlyMemory<byte>> CallAsync(
        string functionId, ReadOnlyMemory<byte> inputJson, byte[]? action, InvokeOptions? options, CancellationToken cancellation)
    {
        JsonCheck.Require(inputJson.Span, nameof(inputJson));
        return CallAsync(functionId, inputJson, type: null, action, options, cancellation);
    }

    /// <summary>Makes a call with a value as its input, serialised right into the message.</summary>
    public ValueTask<ReadOnlyMemory<byte>> CallAsync<TIn>(
        string functionId, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions? options, CancellationToken cancellation) =>
        CallAsync(
            new RawCall(functionId) { ExpectsAnswer = !ReferenceEquals(action, VoidAction) }, input, type, action, options, cancellation);

    /// <summary>Makes a call, whose answer comes as its type says.</summary>
    /// <param name="call">The call, new.</param>
    /// <param name="input">Its input: a value, or JSON when there is no type.</param>
    /// <param name="type">How the input is written; null for JSON as it is.</param>
    /// <param name="action">How the engine is to carry the call out; null for at once, with an answer.</param>
    /// <param name="options">How to call; null for the defaults.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public ValueTask<TOut> CallAsync<TIn, TOut>(
        PendingAnswer<TOut> call, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions? options, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(call.FunctionId, "functionId");
        cancellation.ThrowIfCancellationRequested();
        return connection.IsCongested
            ? CallWhenWrittenAsync(call, input, type, action, options ?? NoOptions, cancellation)
            : SendAsync(call, input, type, action, options ?? NoOptions, cancellation);
    }

    private async ValueTask<TOut> CallWhenWrittenAsync<TIn, TOut>(
        PendingAnswer<TOut> call, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, CancellationToken cancellation)
    {
        await connection.RoomAsync(cancellation).ConfigureAwait(false);
        return await SendAsync(call, input, type, action, options, cancellation).ConfigureAwait(false);
    }

    private ValueTask<TOut> SendAsync<TIn, TOut>(
        PendingAnswer<TOut> call, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, CancellationToken cancellation)
    {
        var activity = WorkerActivities.StartClient(call.FunctionId);
        try
        {
            Write(call, input, type, action, options, activity);
        }
        catch (Exception e)
        {
            WorkerActivities.Fail(activity, "serialization_error", e.Message);
            activity?.Dispose();
            throw;
        }

        return activity is null && !cancellation.CanBeCanceled ? call.Answer : AwaitAsync(call, activity, cancellation);
    }

    private void Write<TIn>(
        PendingCall call, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, Activity? activity)
    {
        using var message = MessageWriter.Rent();
        calls.Add(call, options.Timeout ?? defaultTimeout);
        try
        {
            Span<byte> id = stackalloc byte[CallIds.Size];
            calls.Ids.Write(call.Number, id);
            Messages.CallHead(message, call.ExpectsAnswer ? id : default, call.FunctionId);
            if (type is not null)
            {
                message.Append(input, type);
            }
            else if (input is ReadOnlyMemory<byte> json)
            {
                message.Append(json.Span);
            }

            message.Member(",\"action\":"u8, action);
            message.Member(",\"metadata\":"u8, JsonCheck.Encode(options.Metadata, nameof(options)));
            if ((activity ?? Activity.Current) is { IdFormat: ActivityIdFormat.W3C } current)
            {
                message.Member(",\"traceparent\":"u8, current.Id);
                message.Member(",\"baggage\":"u8, WorkerActivities.BaggageOf(current));
            }

            message.Append("}"u8);
            connection.Send(call, message.Span);
        }
        catch
        {
            calls.Take(call.Number);
            throw;
        }
    }

    private async ValueTask<TOut> AwaitAsync<TOut>(PendingAnswer<TOut> call, Activity? activity, CancellationToken cancellation)
    {
        using var registration = cancellation.UnsafeRegister(
            static (state, token) =>
            {
                var (calls, call) = ((CallTable, PendingCall))state!;
                calls.Take(call.Number)?.Fail(new OperationCanceledException(token));
            },
            (calls, (PendingCall)call));
        try
        {
            return await call.Answer.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            WorkerActivities.Fail(activity, (e as IiiException)?.Code ?? e.GetType().Name, e.Message);
            throw;
        }
        finally
        {
            activity?.Dispose();
        }
    }
}
