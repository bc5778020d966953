using System.Text.Json;

namespace Iii.Sdk;

/// <summary>The other side answered a call with an error.</summary>
/// <example>
/// <code>
/// try
/// {
///     await worker.InvokeAsync("orders::price", basket, Json.Default.Basket, Json.Default.Price);
/// }
/// catch (IiiInvocationException e) when (e.Code == "out_of_stock")
/// {
/// }
/// </code>
/// </example>
public sealed class IiiInvocationException : IiiException
{
    internal IiiInvocationException(string functionId, string code, string message, byte[] rawError)
        : base(code, $"{functionId}: {message} ({code})")
    {
        FunctionId = functionId;
        RemoteMessage = message;
        RawError = rawError;
    }

    /// <summary>The function that was called.</summary>
    public string FunctionId { get; }

    /// <summary>The message of the other side, as it came.</summary>
    public string RemoteMessage { get; }

    /// <summary>The whole error object, UTF-8 JSON: <c>code</c>, <c>message</c> and what else the function added.</summary>
    public ReadOnlyMemory<byte> RawError { get; }

    /// <summary>The error object, parsed.</summary>
    public JsonElement GetError()
    {
        using var document = JsonDocument.Parse(RawError);
        return document.RootElement.Clone();
    }
}
