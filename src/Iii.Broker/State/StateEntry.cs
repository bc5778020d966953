namespace Iii.Broker;

/// <summary>One value with its key.</summary>
/// <param name="Key">The key within its scope.</param>
/// <param name="Value">The bytes that were written.</param>
/// <param name="Version">Opaque and positive. Every write gives the key a version it never had, deleting in between included.</param>
public sealed record StateEntry(string Key, ReadOnlyMemory<byte> Value, long Version);
