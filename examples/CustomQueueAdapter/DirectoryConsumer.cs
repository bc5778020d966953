using System.Collections.Concurrent;
using System.Text.Json;
using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace CustomQueueAdapter;

/// <summary>Takes messages of a group, one for each free slot, holds them while the handler works, and carries out what it says.</summary>
internal sealed class DirectoryConsumer(
    MessageFolder group, DirectoryQueueOptions options, QueueSubscription subscription, QueueHandler handler) : IAsyncDisposable
{
    private static readonly TimeSpan PauseAfterThrow = TimeSpan.FromMilliseconds(500);

    private readonly ILogger _logger = options.Loggers.CreateLogger<DirectoryConsumer>();
    private readonly SemaphoreSlim _slots = new(subscription.Concurrency);
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();
    private Lazy<Task> _dispose = new(Task.CompletedTask);

    private DateTimeOffset Now => options.Time.GetUtcNow();

    private long LeaseEnd => (Now + subscription.LeaseTime).UtcTicks;

    /// <summary>Binds the group and begins.</summary>
    /// <param name="consumers">Where it stands until disposing of it has come to its end.</param>
    public DirectoryConsumer Start(ConcurrentDictionary<DirectoryConsumer, bool> consumers)
    {
        var binding = group.Bind();
        var taking = Task.Run(TakeAllAsync);
        _dispose = new Lazy<Task>(() => DrainAsync(taking, binding, consumers));
        consumers[this] = true;
        return this;
    }

    public ValueTask DisposeAsync() => new(_dispose.Value);

    private async Task DrainAsync(Task taking, IDisposable binding, ConcurrentDictionary<DirectoryConsumer, bool> consumers)
    {
        await _stop.CancelAsync();
        await taking;
        var drained = Task.WhenAll(Enumerable.Range(0, subscription.Concurrency).Select(_ => _slots.WaitAsync()));
        await drained.WaitAsync(subscription.DrainTimeout, options.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _abandon.CancelAsync();
        await drained;
        binding.Dispose();
        consumers.TryRemove(this, out _);
    }

    private async Task TakeAllAsync()
    {
        var due = new Queue<MessageName>();
        try
        {
            while (true)
            {
                await _slots.WaitAsync(_stop.Token);
                if (!_stop.IsCancellationRequested && TakeNext(due) is { } name)
                {
                    _ = Task.Run(() => DeliverAsync(name)); // never fails, and its slot says when it has ended
                }
                else
                {
                    _slots.Release();
                    await Task.Delay(options.PollInterval, options.Time, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    /// <summary>Takes the message that is due first, by giving its file the name of one that is leased.</summary>
    private MessageName? TakeNext(Queue<MessageName> due)
    {
        try
        {
            if (due.Count == 0)
            {
                group.Adopt();
                foreach (var name in group.List().TakeWhile(name => name.VisibleAt <= Now.UtcTicks))
                {
                    due.Enqueue(name);
                }
            }

            while (due.TryDequeue(out var name))
            {
                var taken = name with { VisibleAt = LeaseEnd, Attempt = name.Attempt + 1 };
                if (group.TryMove(name, taken))
                {
                    return taken;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _logger.FolderUnusable(e, group.FullName);
        }

        return null;
    }

    private async Task DeliverAsync(MessageName name)
    {
        try
        {
            if (group.TryRead(name) is { } stored)
            {
                var message = stored.AsDelivery(subscription, name, Now);
                var (held, verdict) = await JudgeAsync(name, message);
                Settle(held, message, verdict);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            _logger.MessageUnusable(e, $"{name}", group.FullName); // its lease ends, and it is delivered again
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Has the message handled, and renews its lease for as long.</summary>
    /// <returns>The name that it has by then, and no verdict when the lease was lost or the consumer gave up draining.</returns>
    private async Task<(MessageName Held, QueueVerdict? Verdict)> JudgeAsync(MessageName name, QueueDelivery message)
    {
        var lost = new CancellationTokenSource(); // not disposed of: a handler that was given up may look at it later
        using var abandoned = _abandon.Token.Register(lost.Cancel);
        var handling = Task.Run(() => handler(message, lost.Token).AsTask());
        try
        {
            while (true)
            {
                await ((Task)handling).WaitAsync(subscription.LeaseTime / 3, options.Time, lost.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                var renewed = name with { VisibleAt = LeaseEnd };
                if (lost.IsCancellationRequested || !group.TryMove(name, renewed))
                {
                    return (name, null);
                }

                name = renewed;
                if (handling.IsCompleted)
                {
                    return (name, await handling ?? Failed("The handler returned null."));
                }
            }
        }
        catch (Exception e) when (handling.IsFaulted || handling.IsCanceled)
        {
            return (name, Failed(e.Message));
        }
        finally
        {
            await lost.CancelAsync();
        }
    }

    private static QueueVerdict Failed(string why) =>
        QueueVerdict.RetryAfter(PauseAfterThrow, new AttemptFailure(AttemptFailure.HandlerFailed, why));

    /// <summary>Carries out a verdict on a message whose lease has just been renewed. Without a verdict, it is given back.</summary>
    private void Settle(MessageName name, QueueDelivery message, QueueVerdict? verdict)
    {
        if (verdict is QueueVerdict.Acknowledged)
        {
            group.Delete(name);
            return;
        }

        var (failure, pause, target) = verdict switch
        {
            QueueVerdict.Retried retry => (retry.Failure, retry.Delay < options.Limits.MaxDelay ? retry.Delay : options.Limits.MaxDelay, group),
            QueueVerdict.DeadLettered dead => (dead.Reason, TimeSpan.Zero, group.Dead),
            _ => (null, TimeSpan.Zero, group),
        };
        if (verdict is null || group.TryReplace(name, message.After(Now, failure)))
        {
            group.TryMove(name, name with { VisibleAt = (Now + pause).UtcTicks }, target);
        }
    }
}
