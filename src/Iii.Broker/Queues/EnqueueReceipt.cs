namespace Iii.Broker;

/// <summary>Says that a message was accepted.</summary>
/// <param name="MessageId">The id it keeps for life: over attempts, groups and dead letters. A name as in <see cref="BrokerNames"/>.</param>
/// <param name="Durability">What the message survives from now on.</param>
/// <param name="IsDuplicate">True when it was not stored, because <paramref name="MessageId"/> was, with the same deduplication key.</param>
public sealed record EnqueueReceipt(string MessageId, Durability Durability, bool IsDuplicate = false);
