namespace Iii.Broker;

/// <summary>What an accepted message survives.</summary>
public enum Durability
{
    /// <summary>Nothing: it is gone with the process that holds it.</summary>
    Volatile,

    /// <summary>The end of any process; the last moments may be lost when a machine loses power.</summary>
    Written,

    /// <summary>The loss of power: it was synced to disk, or to a majority of replicas.</summary>
    Synced,
}
