namespace Iii.Broker;

/// <summary>What a subscription does with ordering keys.</summary>
public enum QueueOrdering
{
    /// <summary>Ignores them.</summary>
    None,

    /// <summary>Strictly one at a time and in order within a key, retries included; parallel across keys.</summary>
    PerKey,
}
