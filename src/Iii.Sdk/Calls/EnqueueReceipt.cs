namespace Iii.Sdk;

/// <summary>What the engine says when it has taken a call into a queue.</summary>
/// <param name="MessageId">The id of the message in the queue.</param>
public sealed record EnqueueReceipt(string MessageId);
