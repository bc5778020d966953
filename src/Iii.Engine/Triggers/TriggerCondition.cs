using Iii.Engine.Invocations;

namespace Iii.Engine.Triggers;

/// <summary>What a trigger's condition function decided (protocol §4.4).</summary>
internal enum ConditionOutcome
{
    /// <summary>The function runs: there is no condition, or it answered anything but <c>false</c>.</summary>
    Run,

    /// <summary>The condition answered JSON <c>false</c>.</summary>
    Skip,

    /// <summary>The condition failed, was not found, or took too long.</summary>
    Failed,
}

/// <summary>Asks a trigger's condition function.</summary>
internal static class TriggerCondition
{
    /// <summary>Asks, with the input that the trigger's function would get.</summary>
    public static ValueTask<ConditionOutcome> EvaluateAsync(FunctionInvoker invoker, string? conditionFunctionId, in Invocation invocation)
    {
        if (conditionFunctionId is null)
        {
            return ValueTask.FromResult(ConditionOutcome.Run);
        }

        return DecideAsync(AskAsync(invoker, conditionFunctionId, invocation));
    }

    /// <summary>Asks, for those who want to know why a condition failed; <see cref="Decide"/> reads the answer.</summary>
    public static ValueTask<InvocationResult> AskAsync(FunctionInvoker invoker, string conditionFunctionId, in Invocation invocation) =>
        invoker.InvokeAsync(new Invocation
        {
            FunctionId = conditionFunctionId,
            Data = invocation.Data,
            TraceParent = invocation.TraceParent,
            Baggage = invocation.Baggage,
            Timeout = invocation.Timeout,
        });

    /// <summary>What an answer means.</summary>
    public static ConditionOutcome Decide(in InvocationResult answer) =>
        answer.IsError ? ConditionOutcome.Failed
            : answer.Value.Span.SequenceEqual("false"u8) ? ConditionOutcome.Skip
            : ConditionOutcome.Run;

    private static async ValueTask<ConditionOutcome> DecideAsync(ValueTask<InvocationResult> condition)
    {
        using var answer = await condition;
        return Decide(answer);
    }
}
