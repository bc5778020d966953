using Iii.Adapters.MassTransit.Jobs;
using Iii.Broker;

namespace Iii.Adapters.MassTransit.Transports;

/// <summary>What differs between the transports of MassTransit: where jobs wait, and what must be declared for them.</summary>
internal interface IJobTransport : IAsyncDisposable
{
    BrokerFeatures Features { get; }

    Durability Durability { get; }

    /// <summary>Stores a job for all groups of a queue, or for the first one to come.</summary>
    Task EnqueueAsync(string queue, Job job, CancellationToken cancellationToken);

    /// <summary>Binds a group and delivers its jobs, until the returned handle is disposed: that takes no more, and waits for what was delivered.</summary>
    Task<IAsyncDisposable> ConsumeAsync(GroupConsumer consumer, CancellationToken cancellationToken);

    /// <summary>Stores a job for one group, to be delivered when it is due.</summary>
    Task ReturnAsync(string queue, string group, Job job);

    /// <summary>Stores a job with the dead letters of a group.</summary>
    Task BuryAsync(string queue, string group, Job job, AttemptFailure reason);

    /// <summary>Deletes a group that nobody consumes; false when there is none.</summary>
    /// <exception cref="BrokerException"><see cref="BrokerErrorCodes.Conflict"/>.</exception>
    Task<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken);
}
