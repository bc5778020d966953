using System.Collections.Concurrent;
using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>Jobs as files in a folder, which several processes may share, and machines that mount it.</summary>
/// <remarks>The bound of a group's length counts all its messages but dead letters.</remarks>
/// <param name="settings">Which folder, which is there, and how it is used.</param>
public sealed class DirectoryQueueBroker(DirectoryQueueOptions settings) : IQueueBroker, IDeadLetters
{
    private readonly ConcurrentDictionary<PollingConsumer, bool> _consumers = new();
    private volatile bool _isDisposed;

    /// <inheritdoc/>
    public BrokerFeatures Features =>
        BrokerFeatures.Shared | BrokerFeatures.Durable | BrokerFeatures.Groups | BrokerFeatures.Delay | BrokerFeatures.DeadLetters;

    /// <inheritdoc/>
    public BrokerLimits Limits => settings.Limits;

    /// <inheritdoc/>
    public ValueTask<EnqueueReceipt> EnqueueAsync(
        string queue, QueueMessage message, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckEnqueue(this, queue, message, options ?? EnqueueOptions.None);
        return RunAsync(() => Enqueue(queue, message, options?.Delay ?? TimeSpan.Zero), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<IAsyncDisposable> ConsumeAsync(
        QueueSubscription subscription, QueueHandler handler, CancellationToken cancellationToken = default)
    {
        BrokerGuard.CheckSubscription(this, subscription);
        return RunAsync<IAsyncDisposable>(() => Consume(subscription, handler), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        RunAsync(() => GroupOf(queue, group).TryRemove(), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Page<DeadLetterRecord>> ListAsync(
        string queue, string group, PageRequest page, CancellationToken cancellationToken = default) =>
        RunAsync(() => List(GroupOf(queue, group), page), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> RedriveAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        RunAsync(() => Redrive(GroupOf(queue, group), messageId), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> DiscardAsync(string queue, string group, string messageId, CancellationToken cancellationToken = default) =>
        RunAsync(() => Discard(GroupOf(queue, group), messageId), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(static consumer => consumer.DisposeAsync().AsTask()));
    }

    private EnqueueReceipt Enqueue(string queue, QueueMessage message, TimeSpan delay)
    {
        var folders = GroupFolder.AllIn(MakeQueue(queue));
        if (folders.Any(folder => MessageFile.AllIn(folder).Count >= Limits.MaxQueueLength))
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"'{queue}' is full: a group has {Limits.MaxQueueLength} messages.");
        }

        var stored = new QueueDelivery
        {
            Queue = queue,
            Group = "",
            MessageId = Guid.CreateVersion7().ToString("N"),
            Attempt = 0,
            EnqueuedAt = settings.Polling.Time.GetUtcNow(),
            Payload = message.Payload,
            Headers = message.Headers,
        };
        foreach (var folder in folders)
        {
            new MessageFile(folder, (stored.EnqueuedAt + delay).UtcTicks, stored.MessageId, stored.Attempt).Write(stored, isNew: true);
        }

        return new EnqueueReceipt(stored.MessageId, Durability.Synced);
    }

    private PollingConsumer Consume(QueueSubscription subscription, QueueHandler handler)
    {
        MakeQueue(subscription.Queue);
        var group = GroupOf(subscription.Queue, subscription.Group);
        var binding = group.Bind();
        var consumer = PollingConsumer.Start(subscription, handler, () => new(Take(group, subscription)), settings.Polling with
        {
            Disposed = gone =>
            {
                binding.Dispose();
                _consumers.TryRemove(gone, out _);
            },
        });
        _consumers[consumer] = true;
        return consumer;
    }

    private LeasedFile? Take(GroupFolder group, QueueSubscription subscription) =>
        group.TryTake(settings.Polling.Time.GetUtcNow(), subscription.LeaseTime) is { } file && file.TryRead() is { } stored
            ? new LeasedFile(settings, subscription, group.Dead, file, stored) : null;

    private static Page<DeadLetterRecord> List(GroupFolder group, PageRequest page)
    {
        var files = group.ListDead().Where(file => string.CompareOrdinal(file.Name, page.After) > 0).Take(page.Limit + 1).ToList();
        var records = files.Take(page.Limit).Select(static file => file.TryRead()).OfType<QueueDelivery>()
            .Select(static message => DeadLetterRecord.Of(message, message.Failures[^1].At));
        return new Page<DeadLetterRecord>([.. records], files.Count > page.Limit ? files[page.Limit - 1].Name : null);
    }

    private bool Redrive(GroupFolder group, string messageId)
    {
        // First the message is ours, for longer than the rest takes; then it is as new; then it is everybody's.
        var now = settings.Polling.Time.GetUtcNow();
        var held = new MessageFile(group.FullName, now.AddMinutes(1).UtcTicks, messageId, 0);
        if (Find(group, messageId)?.TryMove(held) != true || held.TryRead() is not { } message)
        {
            return false;
        }

        held.Write(message with { Attempt = 0, Failures = [] }, isNew: false);
        return held.TryMove(held with { VisibleAt = now.UtcTicks });
    }

    private static bool Discard(GroupFolder group, string messageId)
    {
        var gone = new MessageFile(group.Dead, 0, messageId, -1); // which is the name of no message
        if (Find(group, messageId)?.TryMove(gone) != true)
        {
            return false; // who moves it away is who deletes it
        }

        gone.Delete();
        return true;
    }

    private static MessageFile? Find(GroupFolder group, string messageId) => group.ListDead().Find(file => file.Id == messageId);

    private string FolderOf(string queue) => Path.Combine(settings.Folder, GroupFolder.Encode(queue));

    private GroupFolder GroupOf(string queue, string group) => new(FolderOf(queue), GroupFolder.Encode(group));

    private string MakeQueue(string queue)
    {
        var folder = FolderOf(queue);
        if (!Directory.Exists(folder) && Directory.EnumerateDirectories(settings.Folder).Count() >= Limits.MaxNames)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"There are {Limits.MaxNames} queues already; no more are allowed.");
        }

        Directory.CreateDirectory(Path.Combine(folder, GroupFolder.Unbound));
        return folder;
    }

    /// <summary>A disk blocks, which is not for the caller's thread; and a folder that is gone, with its disk, is not made again.</summary>
    private async ValueTask<T> RunAsync<T>(Func<T> step, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        try
        {
            return await Task.Run(
                () => Directory.Exists(settings.Folder) ? step() : throw new IOException("It is not there."), cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"The folder {settings.Folder} cannot be used: {e.Message}", e);
        }
    }
}
