namespace Iii.Broker;

/// <summary>One page of a list.</summary>
/// <param name="Items">The items, in the list's order.</param>
/// <param name="Next">Where the next page starts; null after the last page. Opaque; good for the same list of the same adapter.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
