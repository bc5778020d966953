namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>How a function is called over HTTP, as its worker registered it.</summary>
/// <param name="Url">The URL; it has passed the <see cref="UrlPolicy"/>.</param>
/// <param name="Method">The method.</param>
/// <param name="Timeout">How long a call may take.</param>
/// <param name="Headers">Headers of the worker's choice.</param>
/// <param name="Auth">How the engine says that it is the caller; null when it does not.</param>
internal sealed record HttpInvocation(
    Uri Url, HttpMethod Method, TimeSpan Timeout, IReadOnlyList<KeyValuePair<string, string>> Headers, HttpFunctionAuth? Auth);

/// <summary>What is wrong with a registration, or a call: a stable code, and a text for people.</summary>
internal readonly record struct HttpFunctionProblem(string Code, string Message);
