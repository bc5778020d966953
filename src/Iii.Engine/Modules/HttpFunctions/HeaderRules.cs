using System.Collections.Frozen;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>The names of the engine's headers, and which headers a worker may add.</summary>
internal static class HeaderRules
{
    public const string FunctionPath = "x-iii-Function-Path";
    public const string InvocationId = "x-iii-Invocation-ID";
    public const string Timestamp = "x-iii-Timestamp";
    public const string Signature = "x-iii-Signature";
    public const string TraceParent = "traceparent";
    public const string Baggage = "baggage";
    public const string ContentType = "Content-Type";

    /// <summary>Headers that say where a message ends or whom it is for, and those the receiver trusts to be the engine's.</summary>
    private static readonly FrozenSet<string> Reserved = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "Expect",
        FunctionPath, InvocationId, Timestamp, Signature);

    /// <summary>Why a header cannot be sent; null when it can.</summary>
    public static string? Problem(string name, string value) =>
        !HttpToken.IsToken(name) ? $"'{name}' is not the name of a header"
        : Reserved.Contains(name) ? $"the header {name} is for the engine to set"
        : !IsValue(value) ? $"the value of the header {name} holds a line break or another control character"
        : null;

    /// <summary>Whether a header can have the value: no control characters, with which one header could become two.</summary>
    public static bool IsValue(string value) => !value.AsSpan().ContainsAnyInRange('\0', '\x1F') && !value.Contains('\x7F', StringComparison.Ordinal);
}
