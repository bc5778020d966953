namespace Iii.Sdk;

/// <summary>How one call is made. Reusable, and safe for concurrent use.</summary>
public sealed record InvokeOptions
{
    /// <summary>How long to wait for the answer, the wait for the connection included. Null for <see cref="IiiWorkerOptions.InvocationTimeout"/>.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>JSON that travels next to the input; the handler finds it in <see cref="InvocationContext.Metadata"/>.</summary>
    public string? Metadata { get; init; }
}
