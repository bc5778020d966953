using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>What came of a call: a result, no result, or a problem.</summary>
/// <param name="Result">One JSON value as it came; empty when there is none.</param>
/// <param name="Problem">Why the call failed; null on success.</param>
internal readonly record struct HttpAnswer(ReadOnlyMemory<byte> Result, HttpFunctionProblem? Problem)
{
    public InvocationOutcome Outcome => Problem is { } problem
        ? InvocationOutcome.Failure(problem.Code, problem.Message)
        : InvocationOutcome.Success(Result.Span);

    public static HttpAnswer Failure(string code, string message) => new(default, new HttpFunctionProblem(code, message));
}
