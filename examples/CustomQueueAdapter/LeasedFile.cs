using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>A message that a consumer of this process has leased.</summary>
/// <param name="settings">How the folder is used.</param>
/// <param name="subscription">That of the consumer.</param>
/// <param name="dead">Where the group has its dead letters.</param>
/// <param name="file">The message. It gets another name each time that the lease is renewed.</param>
/// <param name="stored">Its content.</param>
internal sealed class LeasedFile(
    DirectoryQueueOptions settings, QueueSubscription subscription, string dead, MessageFile file, QueueDelivery stored) : ILeasedMessage
{
    private MessageFile _file = file;

    /// <inheritdoc/>
    public QueueDelivery Delivery { get; } =
        Describe(stored with { Group = subscription.Group }, file.Attempt, settings.Polling.Time.GetUtcNow());

    /// <inheritdoc/>
    public ValueTask<bool> RenewAsync()
    {
        var renewed = _file with { VisibleAt = (settings.Polling.Time.GetUtcNow() + subscription.LeaseTime).UtcTicks };
        var isHeld = _file.TryMove(renewed);
        _file = isHeld ? renewed : _file;
        return ValueTask.FromResult(isHeld);
    }

    /// <inheritdoc/>
    public ValueTask SettleAsync(QueueVerdict? verdict)
    {
        if (verdict is QueueVerdict.Acknowledged)
        {
            _file.Delete();
            return ValueTask.CompletedTask;
        }

        var now = settings.Polling.Time.GetUtcNow();
        var (failure, pause, folder) = verdict switch
        {
            QueueVerdict.Retried retry => (retry.Failure, retry.Delay, _file.Folder),
            QueueVerdict.DeadLettered letter => (letter.Reason, TimeSpan.Zero, dead),
            _ => (null, TimeSpan.Zero, _file.Folder),
        };
        if (verdict is not null)
        {
            var failures = failure is null ? Delivery.Failures : Delivery.Failures.With(new AttemptRecord(Delivery.Attempt, now, failure));
            _file.Write(Delivery with { Failures = failures }, isNew: false);
        }

        _file.TryMove(_file with { Folder = folder, VisibleAt = now.UtcTicks + Math.Min(pause.Ticks, settings.Limits.MaxDelay.Ticks) });
        return ValueTask.CompletedTask;
    }

    /// <summary>The message as it is delivered now: the attempts since the last one that ended with a verdict were lost.</summary>
    private static QueueDelivery Describe(QueueDelivery stored, int attempt, DateTimeOffset now)
    {
        var known = stored.Attempt < attempt ? stored : stored with { Attempt = 0, Failures = [] }; // it was put back, and counts anew
        return known with { Attempt = attempt, Failures = known.Failures.WithLost(known.Attempt + 1, attempt - 1, now) };
    }
}
