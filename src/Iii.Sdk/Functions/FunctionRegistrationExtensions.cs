using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Iii.Sdk.Functions;

namespace Iii.Sdk;

/// <summary>Functions of typed input and result. The types come from a <see cref="JsonSerializerContext"/>, so nothing is reflected on.</summary>
/// <example>
/// <code>
/// worker.RegisterFunction(
///     "orders::price",
///     async (Basket basket, CancellationToken cancellation) => await prices.OfAsync(basket, cancellation),
///     Json.Default.Basket,
///     Json.Default.Price,
///     new RegisterFunctionOptions { Description = "Prices a basket" });
/// </code>
/// </example>
public static class FunctionRegistrationExtensions
{
    /// <summary>Provides a function whose handler also gets what is known about the call.</summary>
    /// <param name="worker">The worker that provides it.</param>
    /// <param name="id">The function's id.</param>
    /// <param name="handler">Handles a call; may run many times at once. The token is cancelled when the worker's patience at shutdown is over.</param>
    /// <param name="inputType">How the input is read. Input that does not fit is answered with <c>deserialization_error</c>.</param>
    /// <param name="resultType">How the result is written.</param>
    /// <param name="options">What is told about the function, and how it runs.</param>
    /// <returns>Dispose of it to provide the function no longer.</returns>
    public static IiiRegistration RegisterFunction<TIn, TOut>(
        this IiiWorker worker,
        string id,
        Func<TIn, InvocationContext, CancellationToken, ValueTask<TOut>> handler,
        JsonTypeInfo<TIn> inputType,
        JsonTypeInfo<TOut> resultType,
        RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(inputType);
        ArgumentNullException.ThrowIfNull(resultType);
        IiiWorker.RequireId(id);
        options ??= new RegisterFunctionOptions();
        return worker.Register(new TypedFunction<TIn, TOut>(id, options.RunsInline, handler, inputType, resultType), options);
    }

    /// <summary>Provides a function.</summary>
    /// <inheritdoc cref="RegisterFunction{TIn,TOut}(IiiWorker,string,Func{TIn,InvocationContext,CancellationToken,ValueTask{TOut}},JsonTypeInfo{TIn},JsonTypeInfo{TOut},RegisterFunctionOptions)"/>
    public static IiiRegistration RegisterFunction<TIn, TOut>(
        this IiiWorker worker,
        string id,
        Func<TIn, CancellationToken, ValueTask<TOut>> handler,
        JsonTypeInfo<TIn> inputType,
        JsonTypeInfo<TOut> resultType,
        RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return worker.RegisterFunction(id, (input, _, cancellation) => handler(input, cancellation), inputType, resultType, options);
    }

    /// <summary>Provides a function that needs no waiting.</summary>
    /// <inheritdoc cref="RegisterFunction{TIn,TOut}(IiiWorker,string,Func{TIn,InvocationContext,CancellationToken,ValueTask{TOut}},JsonTypeInfo{TIn},JsonTypeInfo{TOut},RegisterFunctionOptions)"/>
    public static IiiRegistration RegisterFunction<TIn, TOut>(
        this IiiWorker worker,
        string id,
        Func<TIn, TOut> handler,
        JsonTypeInfo<TIn> inputType,
        JsonTypeInfo<TOut> resultType,
        RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return worker.RegisterFunction(id, (input, _, _) => new ValueTask<TOut>(handler(input)), inputType, resultType, options);
    }

    /// <summary>Provides a function whose types a serialiser context knows.</summary>
    /// <param name="worker">The worker that provides it.</param>
    /// <param name="id">The function's id.</param>
    /// <param name="handler">Handles a call.</param>
    /// <param name="context">Knows both types.</param>
    /// <param name="options">What is told about the function, and how it runs.</param>
    /// <returns>Dispose of it to provide the function no longer.</returns>
    public static IiiRegistration RegisterFunction<TIn, TOut>(
        this IiiWorker worker,
        string id,
        Func<TIn, InvocationContext, CancellationToken, ValueTask<TOut>> handler,
        JsonSerializerContext context,
        RegisterFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        return worker.RegisterFunction(id, handler, IiiWorker.TypeInfo<TIn>(context), IiiWorker.TypeInfo<TOut>(context), options);
    }
}
