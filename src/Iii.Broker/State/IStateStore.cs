namespace Iii.Broker;

/// <summary>Keeps values under scope and key.</summary>
/// <remarks>
/// <para>
/// Values are JSON text to the engine and opaque bytes here: what is read is, byte for byte, what was written. No adapter parses,
/// normalises or re-encodes them.
/// </para>
/// <para>
/// Atomicity: every call is one atomic step on one key and linearizable with every other call on that key, from whichever instance.
/// There is no atomicity across keys; a list may show a mixture of before and after.
/// </para>
/// <para>
/// A scope exists while it has a key. Scope and key may be empty; see <see cref="BrokerNames"/> for what they may contain.
/// Read-modify-write is <see cref="StateStoreExtensions.UpdateAsync"/>, made of these members once for all adapters.
/// </para>
/// <para>
/// Every member throws <see cref="BrokerException"/> with <see cref="BrokerErrorCodes.BrokerUnavailable"/> or
/// <see cref="BrokerErrorCodes.InvalidName"/>, and writing with <see cref="BrokerErrorCodes.LimitExceeded"/>.
/// </para>
/// </remarks>
public interface IStateStore : IBrokerSeam
{
    /// <summary>Reads one entry.</summary>
    /// <returns>Null when there is none.</returns>
    ValueTask<StateEntry?> GetAsync(string scope, string key, CancellationToken cancellationToken = default);

    /// <summary>Writes one value if the condition holds.</summary>
    /// <param name="scope">The scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The bytes, at most <see cref="BrokerLimits.MaxValueBytes"/>; may be empty.</param>
    /// <param name="condition">What must be there for the write to happen; by default anything.</param>
    /// <param name="cancellationToken">Ends the waiting. The write may have happened all the same.</param>
    /// <returns>Whether it was written, and what was there before, in one step.</returns>
    ValueTask<StateWrite> SetAsync(
        string scope, string key, ReadOnlyMemory<byte> value, StateCondition condition = default, CancellationToken cancellationToken = default);

    /// <summary>Deletes one entry if the condition holds.</summary>
    /// <returns>Whether the condition held, and what was there before, in one step. Deleting what is not there is no error.</returns>
    ValueTask<StateWrite> DeleteAsync(
        string scope, string key, StateCondition condition = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// The entries of a scope, sorted by key in <see cref="BrokerNames.Utf8Order"/>; none for an unknown scope. An entry that exists while
    /// all pages are read is in exactly one of them.
    /// </summary>
    ValueTask<Page<StateEntry>> ListAsync(string scope, PageRequest page, CancellationToken cancellationToken = default);

    /// <summary>The scopes that have a key, sorted in <see cref="BrokerNames.Utf8Order"/>.</summary>
    ValueTask<Page<string>> ListScopesAsync(PageRequest page, CancellationToken cancellationToken = default);
}
