using Iii.Broker;

namespace CustomQueueAdapter;

/// <content>An optional ability: with it, dead letters are listed and put back through the engine, and not only with the tools of the disk.</content>
public sealed partial class DirectoryQueueBroker : IDeadLetters
{
    /// <inheritdoc/>
    public ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default) =>
        RunAsync(() => List(Folder(queue, group).Dead, page), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        RunAsync(() => Redrive(Folder(queue, group), messageId), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        RunAsync(() => Discard(Folder(queue, group).Dead, messageId), cancellationToken);

    private static Page<DeadLetterRecord> List(MessageFolder dead, PageRequest page)
    {
        var names = dead.List().SkipWhile(name => string.CompareOrdinal($"{name}", page.After) <= 0).Take(page.Limit + 1).ToList();
        var records = names.Take(page.Limit).Select(name => dead.TryRead(name) is { } message ? Record(name, message) : null).OfType<DeadLetterRecord>();
        return new Page<DeadLetterRecord>([.. records], names.Count > page.Limit ? $"{names[page.Limit - 1]}" : null);
    }

    private bool Redrive(MessageFolder group, string messageId)
    {
        // First the message is ours, for longer than the rest takes; then it is as new; then it is everybody's.
        var held = new MessageName(Tick() + TimeSpan.TicksPerMinute, messageId, 0);
        if (Find(group.Dead, messageId) is not { } dead || group.Dead.TryRead(dead) is not { } message || !group.Dead.TryMove(dead, held, group))
        {
            return false;
        }

        return group.TryReplace(held, message with { Attempt = 0, Failures = [] }) && group.TryMove(held, held with { VisibleAt = Tick() });
    }

    private static bool Discard(MessageFolder dead, string messageId)
    {
        var name = Find(dead, messageId);
        var gone = new MessageName(0, messageId, 0);
        return name is not null && dead.TryMove(name, gone) && dead.Delete(gone); // who moves it away is who has deleted it
    }

    private static MessageName? Find(MessageFolder dead, string messageId) => dead.List().FirstOrDefault(name => name.Id == messageId);

    private static DeadLetterRecord Record(MessageName name, QueueDelivery message) => new()
    {
        Queue = message.Queue,
        Group = message.Group,
        MessageId = message.MessageId,
        Payload = message.Payload,
        Headers = message.Headers,
        Reason = message.Failures[^1].Failure,
        Attempts = message.Attempt,
        Failures = message.Failures,
        EnqueuedAt = message.EnqueuedAt,
        DeadAt = new DateTimeOffset(name.VisibleAt, TimeSpan.Zero),
    };
}
