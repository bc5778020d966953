namespace Iii.Adapters.Sqlite.Storage;

/// <summary>An operation for what is rare enough to be a delegate.</summary>
internal sealed class CallOperation<T>(Func<T> call) : Operation<T>
{
    public override void Execute() => Result = call();
}
