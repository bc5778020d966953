namespace Iii.Broker;

/// <summary>What became of a published frame.</summary>
public enum PublishOutcome
{
    /// <summary>Somebody was subscribed and the frame is on its way. It may still be lost.</summary>
    Sent,

    /// <summary>Nobody was subscribed; nobody got it.</summary>
    NobodyListens,
}
