using Iii.Adapters.Sqlite.Storage;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>An operation of a consumer that has to be done: what ends it.</summary>
internal sealed class OwedCall<T>(Func<T> call) : Operation<T>
{
    public override bool IsOwed => true;

    public override void Execute() => Result = call();
}
