namespace Iii.Engine.Cluster.Catalogs;

/// <summary>How far a catalog has come.</summary>
/// <param name="Version">Counts its changes.</param>
/// <param name="Digest">The fingerprint of its entries.</param>
internal readonly record struct CatalogState(ulong Version, UInt128 Digest);
