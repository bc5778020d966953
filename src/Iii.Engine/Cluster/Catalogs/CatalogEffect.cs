namespace Iii.Engine.Cluster.Catalogs;

/// <summary>What a delta or a snapshot has done to one entry of a copy. A change that changes nothing has no effect.</summary>
/// <param name="Key">The entry's key.</param>
/// <param name="Value">Its value now; null when it is gone.</param>
/// <param name="IsNew">Whether it was not there before.</param>
internal readonly record struct CatalogEffect(string Key, byte[]? Value, bool IsNew);
