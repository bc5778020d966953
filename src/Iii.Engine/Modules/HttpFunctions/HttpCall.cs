namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>One call of a function over HTTP.</summary>
/// <param name="FunctionId">The function.</param>
/// <param name="InvocationId">The id of the dispatch.</param>
/// <param name="Body">The input, one JSON value.</param>
/// <param name="TraceParent">W3C trace context, or null.</param>
/// <param name="Baggage">W3C baggage, or null.</param>
internal sealed record HttpCall(string FunctionId, Guid InvocationId, byte[] Body, string? TraceParent, string? Baggage);
