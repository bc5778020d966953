namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>What became of a message that was to be stored.</summary>
internal enum PublicationOutcome
{
    /// <summary>Every queue that it was routed to has it, on a majority of its replicas.</summary>
    Stored,

    /// <summary>No queue is bound for it.</summary>
    Returned,

    /// <summary>A queue is full.</summary>
    Refused,
}
