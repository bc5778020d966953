namespace Iii.Bench.Queues;

/// <summary>What of a queue is measured.</summary>
internal enum JobPhase
{
    /// <summary>Jobs are stored, and nobody takes them.</summary>
    Publish,

    /// <summary>Jobs that wait are handled.</summary>
    Consume,

    /// <summary>Jobs are stored and handled at the same time, each to its end.</summary>
    Both,
}
