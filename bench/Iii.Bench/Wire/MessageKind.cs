namespace Iii.Bench.Wire;

internal enum MessageKind
{
    Other,
    RegisterFunction,
    RegisterTrigger,
    InvokeFunction,
    InvocationResult,
}
