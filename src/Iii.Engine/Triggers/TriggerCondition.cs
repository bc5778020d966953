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

        return DecideAsync(invoker.InvokeAsync(new Invocation
        {
            FunctionId = conditionFunctionId,
            Data = invocation.Data,
            TraceParent = invocation.TraceParent,
            Baggage = invocation.Baggage,
            Timeout = invocation.Timeout,
        }));
    }

    private static async ValueTask<ConditionOutcome> DecideAsync(ValueTask<InvocationResult> condition)
    {
        using var result = await condition;
        return result.IsError ? ConditionOutcome.Failed
            : result.Value.Span.SequenceEqual("false"u8) ? ConditionOutcome.Skip
            : ConditionOutcome.Run;
    }
}
