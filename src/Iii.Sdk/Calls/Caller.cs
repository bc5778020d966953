using System.Diagnostics;
using System.Text.Json;
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
        string functionId, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions? options, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrEmpty(functionId);
        cancellation.ThrowIfCancellationRequested();
        return connection.IsCongested
            ? CallWhenWrittenAsync(functionId, input, type, action, options ?? NoOptions, cancellation)
            : SendAsync(functionId, input, type, action, options ?? NoOptions, cancellation);
    }

    /// <summary>Reads an answer; no result is the default value.</summary>
    public static TOut Decode<TOut>(string functionId, ReadOnlyMemory<byte> result, JsonTypeInfo<TOut> type)
    {
        if (result.IsEmpty)
        {
            return default!;
        }

        try
        {
            return JsonSerializer.Deserialize(result.Span, type)!;
        }
        catch (JsonException e)
        {
            throw new JsonException($"The result of {functionId} is not a {typeof(TOut).Name}: {e.Message}", e);
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> CallWhenWrittenAsync<TIn>(
        string functionId, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, CancellationToken cancellation)
    {
        await connection.RoomAsync(cancellation).ConfigureAwait(false);
        return await SendAsync(functionId, input, type, action, options, cancellation).ConfigureAwait(false);
    }

    private ValueTask<ReadOnlyMemory<byte>> SendAsync<TIn>(
        string functionId, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, CancellationToken cancellation)
    {
        var activity = WorkerActivities.StartClient(functionId);
        PendingCall call;
        try
        {
            call = Write(functionId, input, type, action, options, activity);
        }
        catch (Exception e)
        {
            WorkerActivities.Fail(activity, "serialization_error", e.Message);
            activity?.Dispose();
            throw;
        }

        return activity is null && !cancellation.CanBeCanceled ? call.Answer : AwaitAsync(call, activity, cancellation);
    }

    private PendingCall Write<TIn>(
        string functionId, TIn input, JsonTypeInfo<TIn>? type, byte[]? action, InvokeOptions options, Activity? activity)
    {
        var isVoid = ReferenceEquals(action, VoidAction);
        using var message = MessageWriter.Rent();
        var call = calls.Add(functionId, options.Timeout ?? defaultTimeout, expectsAnswer: !isVoid);
        try
        {
            Messages.CallHead(message, isVoid ? Guid.Empty : calls.IdOf(call), functionId);
            if (type is not null)
            {
                message.Append(input, type);
            }
            else
            {
                message.Append(((ReadOnlyMemory<byte>)(object)input!).Span);
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
            return call;
        }
        catch
        {
            calls.Take(call.Number);
            throw;
        }
    }

    private async ValueTask<ReadOnlyMemory<byte>> AwaitAsync(PendingCall call, Activity? activity, CancellationToken cancellation)
    {
        using var registration = cancellation.UnsafeRegister(
            static (state, token) =>
            {
                var (calls, call) = ((CallTable, PendingCall))state!;
                calls.Take(call.Number)?.Fail(new OperationCanceledException(token));
            },
            (calls, call));
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
