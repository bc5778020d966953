using System.Runtime.CompilerServices;

namespace Iii.Broker;

/// <summary>What every state store can do because it has the members of <see cref="IStateStore"/>.</summary>
public static class StateStoreExtensions
{
    /// <summary>How many times <see cref="UpdateAsync"/> tries before it gives up.</summary>
    public const int MaxUpdateAttempts = 1_000;

    /// <summary>Reads, changes and writes one entry as one atomic step, by compare-and-set.</summary>
    /// <param name="store">The store.</param>
    /// <param name="scope">The scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="change">
    /// From the present entry (null: none) to the new bytes (null: delete). Called again whenever another writer was faster, so it
    /// must not do anything else. What it throws ends the update, with nothing changed.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting. The write may have happened all the same.</param>
    /// <exception cref="BrokerException">
    /// Those of the members, and <see cref="BrokerErrorCodes.Conflict"/> when others were faster <see cref="MaxUpdateAttempts"/> times.
    /// </exception>
    public static async ValueTask<StateUpdate> UpdateAsync(
        this IStateStore store, string scope, string key, Func<StateEntry?, ReadOnlyMemory<byte>?> change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(change);
        var current = await store.GetAsync(scope, key, cancellationToken).ConfigureAwait(false);
        for (var attempt = 0; attempt < MaxUpdateAttempts; attempt++)
        {
            var condition = current is null ? StateCondition.IfAbsent : StateCondition.IfVersion(current.Version);
            var value = change(current);
            var write = value is { } bytes
                ? await store.SetAsync(scope, key, bytes, condition, cancellationToken).ConfigureAwait(false)
                : await store.DeleteAsync(scope, key, condition, cancellationToken).ConfigureAwait(false);
            if (write.IsApplied)
            {
                return new StateUpdate(current, value is { } written ? new StateEntry(key, written, write.Version) : null);
            }

            current = write.Previous;
        }

        throw new BrokerException(
            BrokerErrorCodes.Conflict,
            $"The key '{key}' of the scope '{scope}' was changed by others {MaxUpdateAttempts} times while it was updated; write to it less often.");
    }

    /// <summary>All entries of a scope, page by page.</summary>
    public static async IAsyncEnumerable<StateEntry> ListAllAsync(
        this IStateStore store, string scope, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        var request = new PageRequest { Limit = BrokerLimits.MaxPageSize };
        while (true)
        {
            var page = await store.ListAsync(scope, request, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Items)
            {
                yield return entry;
            }

            if (page.Next is null)
            {
                yield break;
            }

            request = request with { After = page.Next };
        }
    }
}
