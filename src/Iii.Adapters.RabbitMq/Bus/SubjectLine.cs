namespace Iii.Adapters.RabbitMq.Bus;

/// <summary>What waits for one subject. Guarded by the outbox's lock.</summary>
internal sealed class SubjectLine(string subject)
{
    public string Subject => subject;

    /// <summary>Batches that wait, oldest first. Frames are added to the newest.</summary>
    public LinkedList<BusBatch> Waiting { get; } = [];

    /// <summary>Batches that are sent and not confirmed.</summary>
    public int InFlight { get; set; }

    /// <summary>It stands in the outbox's row of lines that may send.</summary>
    public bool IsReady { get; set; }
}
