namespace Iii.Engine.Discovery;

/// <summary>What one instance may have of a limit that holds for the whole cluster.</summary>
/// <param name="Share">Its part. Those of all takers make up the limit.</param>
/// <param name="Free">How much of its part it may have now: less, for as long as others hold more than theirs.</param>
internal readonly record struct Allowance(int Share, int Free)
{
    /// <summary>
    /// The allowance of an instance that is a taker. Pure: instances that know of the same takers agree on the shares.
    /// </summary>
    /// <remarks>
    /// Nobody hands places out, and still no place is had twice by instances that agree on who the takers are. Places that others hold
    /// are not free; and those before this one, by id, are taken to have their share already, for they may be taking it at this moment.
    /// </remarks>
    /// <param name="limit">The places of all, at least 1.</param>
    /// <param name="self">The instance.</param>
    /// <param name="others">What the others have announced.</param>
    public static Allowance Of(int limit, string self, IReadOnlyCollection<KeyValuePair<string, Places>> others)
    {
        var takers = 1 + others.Count(static other => other.Value.IsTaker);
        var rank = 0;
        long taken = 0;
        foreach (var (instance, places) in others.OrderBy(static other => other.Key, StringComparer.Ordinal))
        {
            var isBefore = places.IsTaker && string.CompareOrdinal(instance, self) < 0;
            taken += isBefore ? Math.Max(places.Held, ShareOf(limit, takers, rank)) : places.Held;
            rank += isBefore ? 1 : 0;
        }

        var share = ShareOf(limit, takers, rank);
        return new Allowance(share, (int)Math.Clamp(limit - taken, 0, share));
    }

    /// <summary>The first get one more where it does not come out even.</summary>
    private static int ShareOf(int limit, int takers, int rank) => (limit / takers) + (rank < limit % takers ? 1 : 0);
}
