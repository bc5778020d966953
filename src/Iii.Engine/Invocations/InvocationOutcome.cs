using Iii.Protocol;

namespace Iii.Engine.Invocations;

/// <summary>How an invocation ended: with a value, with none, or with an error. The bytes are borrowed.</summary>
internal readonly ref struct InvocationOutcome
{
    /// <summary>The result: one JSON value; empty when there is none, or an error.</summary>
    public ReadOnlySpan<byte> Result { get; private init; }

    /// <summary>The error: an object with string <c>code</c> and <c>message</c>; empty on success.</summary>
    public ReadOnlySpan<byte> Error { get; private init; }

    public bool IsError => !Error.IsEmpty;

    /// <summary>Whether nobody took the invocation, so that it certainly did not run; the error says why.</summary>
    public bool IsRefusal { get; private init; }

    /// <summary>Success; an empty value, or JSON <c>null</c>, is "no value".</summary>
    public static InvocationOutcome Success(ReadOnlySpan<byte> result) =>
        new() { Result = result.SequenceEqual("null"u8) ? default : result };

    /// <summary>Failure with an error object that is complete.</summary>
    public static InvocationOutcome Failure(ReadOnlySpan<byte> errorJson) => new() { Error = errorJson };

    public static InvocationOutcome Failure(string code, string message) => new() { Error = ErrorBody.Write(code, message) };

    /// <summary>Failure of an invocation that nobody took.</summary>
    public static InvocationOutcome Refusal(string code, string message) =>
        new() { Error = ErrorBody.Write(code, message), IsRefusal = true };
}
