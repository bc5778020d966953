namespace Iii.Engine.Discovery;

/// <summary>All that provide one function at one moment. Immutable.</summary>
internal sealed class ProviderSet
{
    public static readonly ProviderSet Empty = new([]);

    private readonly FunctionRegistration[] _all;

    /// <summary>Makes a set.</summary>
    /// <param name="registrations">In order of registration.</param>
    public ProviderSet(IEnumerable<FunctionRegistration> registrations)
    {
        // A stable sort: within each part the order of registration stays.
        _all = [.. registrations.OrderBy(static registration => registration.Provider.Instance is not null)];
        LocalCount = _all.Count(static registration => registration.Provider.Instance is null);
    }

    /// <summary>First those of this instance, then those of others; each in order of registration.</summary>
    public ReadOnlySpan<FunctionRegistration> All => _all;

    /// <summary>How many of them are of this instance.</summary>
    public int LocalCount { get; }

    public ReadOnlySpan<FunctionRegistration> Local => All[..LocalCount];

    public ReadOnlySpan<FunctionRegistration> Remote => All[LocalCount..];

    /// <summary>The one whose description is shown: the newest of this instance, which is the most likely to be up to date.</summary>
    public FunctionRegistration? Shown => _all.Length == 0 ? null : _all[LocalCount > 0 ? LocalCount - 1 : ^1];

    /// <summary>The workers behind all of them.</summary>
    public int WorkerCount => _all.Sum(static registration => registration.Provider.WorkerCount);

    /// <summary>The set with one more, which takes the place of what its owner said before.</summary>
    public ProviderSet With(FunctionRegistration added) =>
        new([.. _all.Where(other => !ReferenceEquals(other.Owner, added.Owner)), added]);

    /// <summary>The set without what an owner registered; the same set when that was nothing.</summary>
    public ProviderSet Without(object owner) =>
        Array.Exists(_all, other => ReferenceEquals(other.Owner, owner))
            ? new([.. _all.Where(other => !ReferenceEquals(other.Owner, owner))])
            : this;
}
