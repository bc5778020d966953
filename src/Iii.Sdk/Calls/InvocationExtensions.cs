using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Iii.Protocol;
using Iii.Sdk.Calls;
using Iii.Sdk.Wire;

namespace Iii.Sdk;

/// <summary>Calls of typed input and result.</summary>
/// <example>
/// <code>
/// var price = await worker.InvokeAsync(
///     "orders::price", basket, Json.Default.Basket, Json.Default.Price, new InvokeOptions { Timeout = TimeSpan.FromSeconds(2) });
/// </code>
/// </example>
public static class InvocationExtensions
{
    /// <summary>Calls a function and waits for its result.</summary>
    /// <param name="worker">The worker that calls.</param>
    /// <param name="functionId">The function.</param>
    /// <param name="input">Its input.</param>
    /// <param name="inputType">How the input is written.</param>
    /// <param name="resultType">How the result is read.</param>
    /// <param name="options">How to call; null for the defaults.</param>
    /// <param name="cancellation">Ends the wait. The function is not told.</param>
    /// <returns>The result; the default value when the function has none.</returns>
    /// <exception cref="IiiInvocationException">The function, or the engine, answered with an error.</exception>
    /// <exception cref="IiiTimeoutException">There was no answer in time.</exception>
    /// <exception cref="IiiConnectionException">The connection was lost, or too many calls wait for it.</exception>
    /// <exception cref="JsonException">The result is not what <paramref name="resultType"/> describes.</exception>
    public static ValueTask<TOut> InvokeAsync<TIn, TOut>(
        this IiiWorker worker,
        string functionId,
        TIn input,
        JsonTypeInfo<TIn> inputType,
        JsonTypeInfo<TOut> resultType,
        InvokeOptions? options = null,
        CancellationToken cancellation = default)
    {
        try
        {
            ArgumentNullException.ThrowIfNull(worker);
            ArgumentNullException.ThrowIfNull(inputType);
            ArgumentNullException.ThrowIfNull(resultType);
            return worker.Caller.CallAsync(
                new TypedCall<TOut>(functionId, resultType), input, inputType, action: null, options, cancellation);
        }
        catch (Exception e)
        {
            // Whatever goes wrong is told where the answer is awaited.
            return ValueTask.FromException<TOut>(e);
        }
    }

    /// <summary>Calls a function, whose types a serialiser context knows, and waits for its result.</summary>
    /// <inheritdoc cref="InvokeAsync{TIn,TOut}(IiiWorker,string,TIn,JsonTypeInfo{TIn},JsonTypeInfo{TOut},InvokeOptions,CancellationToken)"/>
    public static ValueTask<TOut> InvokeAsync<TIn, TOut>(
        this IiiWorker worker,
        string functionId,
        TIn input,
        JsonSerializerContext context,
        InvokeOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return worker.InvokeAsync(functionId, input, IiiWorker.TypeInfo<TIn>(context), IiiWorker.TypeInfo<TOut>(context), options, cancellation);
    }

    /// <summary>Calls a function and does not ask for its result.</summary>
    /// <returns>Completes when the call was handed to the connection. Whether it ran is not known.</returns>
    /// <inheritdoc cref="InvokeAsync{TIn,TOut}(IiiWorker,string,TIn,JsonTypeInfo{TIn},JsonTypeInfo{TOut},InvokeOptions,CancellationToken)"/>
    public static async ValueTask InvokeVoidAsync<TIn>(
        this IiiWorker worker,
        string functionId,
        TIn input,
        JsonTypeInfo<TIn> inputType,
        InvokeOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(inputType);
        await worker.Caller.CallAsync(functionId, input, inputType, Caller.VoidAction, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Puts a call into a queue of the engine, which makes it later and repeats it when it fails.</summary>
    /// <param name="worker">The worker that enqueues.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="functionId">The function to call.</param>
    /// <param name="input">Its input.</param>
    /// <param name="inputType">How the input is written.</param>
    /// <param name="options">How to enqueue; null for the defaults.</param>
    /// <param name="cancellation">Ends the wait; the call may be in the queue nevertheless.</param>
    /// <returns>The receipt: the engine has the call.</returns>
    /// <exception cref="IiiInvocationException">It could not be enqueued; the code is <c>enqueue_error</c>.</exception>
    public static async ValueTask<EnqueueReceipt> EnqueueAsync<TIn>(
        this IiiWorker worker,
        string queue,
        string functionId,
        TIn input,
        JsonTypeInfo<TIn> inputType,
        InvokeOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(inputType);
        ArgumentException.ThrowIfNullOrEmpty(queue);
        var result = await worker.Caller.CallAsync(functionId, input, inputType, EnqueueAction(queue), options, cancellation).ConfigureAwait(false);
        var receipt = new JsonSlice(result.Span);
        return new EnqueueReceipt(
            receipt.Find("messageReceiptId"u8).GetString() ?? receipt.Find("message_receipt_id"u8).GetString() ?? receipt.GetString() ?? string.Empty);
    }

    private static byte[] EnqueueAction(string queue)
    {
        using var action = MessageWriter.Rent();
        action.Append("{\"type\":\"enqueue\",\"queue\":"u8);
        action.AppendText(queue);
        action.Append("}"u8);
        return action.Span.ToArray();
    }
}
