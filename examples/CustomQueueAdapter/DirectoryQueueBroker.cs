using System.Collections.Concurrent;
using Iii.Broker;

namespace CustomQueueAdapter;

/// <summary>Jobs as files in a folder, which several processes may share, and machines that mount it.</summary>
/// <remarks>The bound of a group's length counts all its messages, dead letters too.</remarks>
public sealed partial class DirectoryQueueBroker : IQueueBroker
{
    private readonly DirectoryQueueOptions _options;
    private readonly ConcurrentDictionary<DirectoryConsumer, bool> _consumers = new();
    private readonly Lock _clock = new();
    private long _lastTick;
    private volatile bool _isDisposed;

    private DirectoryQueueBroker(DirectoryQueueOptions options) => _options = options;

    /// <summary>Opens the folder, or makes it.</summary>
    /// <exception cref="BrokerException">It cannot be used.</exception>
    public static async ValueTask<DirectoryQueueBroker> OpenAsync(DirectoryQueueOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var broker = new DirectoryQueueBroker(options);
        await broker.TryAsync(() => Directory.CreateDirectory(Path.Combine(options.Folder, MessageFolder.New)), cancellationToken);
        return broker;
    }

    /// <inheritdoc/>
    public BrokerFeatures Features =>
        BrokerFeatures.Shared | BrokerFeatures.Durable | BrokerFeatures.Groups | BrokerFeatures.Delay | BrokerFeatures.DeadLetters;

    /// <inheritdoc/>
    public BrokerLimits Limits => _options.Limits;

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
        var consumer = new DirectoryConsumer(Folder(subscription.Queue, subscription.Group), _options, subscription, handler);
        return RunAsync<IAsyncDisposable>(
            () =>
            {
                MakeQueue(Folder(subscription.Queue));
                return consumer.Start(_consumers);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveGroupAsync(string queue, string group, CancellationToken cancellationToken = default) =>
        RunAsync(() => Remove(Folder(queue, group)), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await Task.WhenAll(_consumers.Keys.Select(static consumer => consumer.DisposeAsync().AsTask()));
    }

    private MessageFolder Folder(string queue, string? group = null) =>
        new(_options.Folder, MessageFolder.Encode(queue), group is null ? MessageFolder.Unbound : MessageFolder.Encode(group));

    private EnqueueReceipt Enqueue(string queue, QueueMessage message, TimeSpan delay)
    {
        var folder = MakeQueue(Folder(queue));
        var groups = folder.Groups();
        if (groups.Any(group => group.List().Count() + group.Dead.List().Count() >= Limits.MaxQueueLength))
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"The queue '{queue}' is full: a group has {Limits.MaxQueueLength} messages.");
        }

        var name = new MessageName(Tick() + delay.Ticks, Guid.CreateVersion7().ToString("N"), 0);
        var stored = new QueueDelivery
        {
            Queue = queue,
            Group = "",
            MessageId = name.Id,
            Attempt = 0,
            EnqueuedAt = _options.Time.GetUtcNow(),
            Payload = message.Payload,
            Headers = message.Headers,
        };
        foreach (var group in groups)
        {
            group.Add(name, stored);
        }

        return new EnqueueReceipt(name.Id, Durability.Synced);
    }

    private MessageFolder MakeQueue(MessageFolder folder)
    {
        if (!Directory.Exists(folder.FullName) && Directory.EnumerateDirectories(_options.Folder).Count() > Limits.MaxNames)
        {
            throw new BrokerException(BrokerErrorCodes.LimitExceeded, $"There are {Limits.MaxNames} queues already; one more is not allowed.");
        }

        Directory.CreateDirectory(folder.FullName);
        return folder;
    }

    private static bool Remove(MessageFolder group)
    {
        if (!Directory.Exists(group.FullName))
        {
            return false;
        }

        var removed = Path.Combine(group.Root, MessageFolder.New, Guid.NewGuid().ToString("N"));
        using (group.LockAlone())
        {
            Directory.Move(group.FullName, removed);
        }

        Directory.Delete(removed, recursive: true);
        return true;
    }

    /// <summary>The time, and never the same twice: names sort in the order of enqueueing.</summary>
    private long Tick()
    {
        lock (_clock)
        {
            return _lastTick = Math.Max(_options.Time.GetUtcNow().UtcTicks, _lastTick + 1);
        }
    }

    /// <summary>A folder that is gone, with the disk that it was on, is not made again.</summary>
    private ValueTask<T> RunAsync<T>(Func<T> step, CancellationToken cancellationToken) => TryAsync(
        () => Directory.Exists(Path.Combine(_options.Folder, MessageFolder.New)) ? step() : throw new IOException("It is not there."),
        cancellationToken);

    /// <summary>A disk blocks, which is not for the caller's thread.</summary>
    private async ValueTask<T> TryAsync<T>(Func<T> step, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        try
        {
            return await Task.Run(step, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"The folder {_options.Folder} cannot be used: {e.Message}", e);
        }
    }
}
