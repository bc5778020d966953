namespace Iii.Broker;

/// <summary>Counts of one group. Every message that it holds is in exactly one of them.</summary>
/// <param name="Group">Its name.</param>
public sealed record GroupStats(string Group)
{
    /// <summary>Messages that could be delivered now, including those behind another one of their ordering key.</summary>
    public long Waiting { get; init; }

    /// <summary>Messages that wait for a time: a delay or the next attempt.</summary>
    public long Delayed { get; init; }

    /// <summary>Messages that are being handled.</summary>
    public long Delivering { get; init; }

    /// <summary>Dead letters.</summary>
    public long Dead { get; init; }

    /// <summary>Consumers, on all instances.</summary>
    public int Consumers { get; init; }
}
