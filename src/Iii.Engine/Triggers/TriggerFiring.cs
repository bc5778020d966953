using Iii.Engine.Invocations;

namespace Iii.Engine.Triggers;

/// <summary>Calls a trigger's function without waiting for it, when the trigger's condition agrees.</summary>
internal static class TriggerFiring
{
    /// <summary>Fires; the payload must not change afterwards, since a condition may still be reading it.</summary>
    public static void Fire(this FunctionInvoker invoker, Trigger trigger, ReadOnlyMemory<byte> payload)
    {
        if (TriggerConfig.ConditionFunctionId(trigger.Config) is { } condition)
        {
            // Ends by itself and does not throw: the door's failures are values.
            _ = FireIfAsync(invoker, condition, trigger.FunctionId, payload);
        }
        else
        {
            invoker.Post(new Invocation { FunctionId = trigger.FunctionId, Data = payload.Span });
        }
    }

    private static async Task FireIfAsync(FunctionInvoker invoker, string condition, string functionId, ReadOnlyMemory<byte> payload)
    {
        var outcome = await TriggerCondition.EvaluateAsync(
            invoker, condition, new Invocation { FunctionId = functionId, Data = payload.Span });
        if (outcome == ConditionOutcome.Run)
        {
            invoker.Post(new Invocation { FunctionId = functionId, Data = payload.Span });
        }
    }
}
