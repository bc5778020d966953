using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>Keeps delayed messages over the near part of their delay, for the whole cluster, and publishes each when it is due.</summary>
/// <remarks>
/// The broker can only let all messages of a queue wait for the same time, and what passes many such queues is late by all of them. So
/// what is due soon lies in a few quorum queues, each with a single active consumer: one instance reads it, and holds it unacknowledged
/// until its time. When that instance vanishes the broker hands it to the next one.
/// </remarks>
internal sealed class DelayKeeper(RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps) : ILinkUser, IAsyncDisposable
{
    /// <summary>The most that AMQP can ask for is 65,535.</summary>
    private const ushort WidestPrefetch = 60_000;

    private const ushort NarrowestPrefetch = 256;

    /// <summary>How much narrower a window becomes whose messages are too large.</summary>
    private const int Narrowing = 8;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly DelayWindow?[] _windows = new DelayWindow?[DelaySteps.Shards];
    private volatile bool _isDisposed;

    public static async Task<DelayKeeper> CreateAsync(
        RabbitMqConnection connection, QueuePublisher publisher, DelaySteps steps, CancellationToken cancellationToken)
    {
        var keeper = new DelayKeeper(connection, publisher, steps);
        try
        {
            await connection.Consuming.AttachAsync(keeper, cancellationToken).ConfigureAwait(false);
            return keeper;
        }
        catch
        {
            // It may hold messages already, which nobody else would get.
            await keeper.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task RestoreAsync(LinkSession session, CancellationToken cancellationToken)
    {
        await steps.DeclareEndsAsync(session, cancellationToken).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            for (var shard = 0; shard < DelaySteps.Shards; shard++)
            {
                _windows[shard] = await OpenAsync(session, shard, WidestPrefetch, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public void OnLost(BrokerException why)
    {
        foreach (var window in _windows)
        {
            window?.Stop();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await connection.Consuming.DetachAsync(this).ConfigureAwait(false);
        await _gate.WaitAsync().ConfigureAwait(false);
        _isDisposed = true;
        _gate.Release();
        await Task.WhenAll(_windows.Select(static window => window?.CloseAsync() ?? Task.CompletedTask)).ConfigureAwait(false);
    }

    private Task<DelayWindow> OpenAsync(LinkSession session, int shard, ushort prefetch, CancellationToken cancellationToken) =>
        DelayWindow.OpenAsync(
            connection,
            publisher,
            steps,
            session,
            connection.Names.NearQueue(shard),
            prefetch,
            prefetch > NarrowestPrefetch ? () => _ = Task.Run(() => NarrowAsync(session, shard, prefetch), CancellationToken.None) : null,
            cancellationToken);

    /// <summary>The messages of a window need too much memory: it is opened again for fewer.</summary>
    private async Task NarrowAsync(LinkSession session, int shard, ushort prefetch)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_isDisposed || session.Lost.IsCompleted || _windows[shard] is not { } window)
            {
                return;
            }

            var narrower = (ushort)Math.Max(NarrowestPrefetch, prefetch / Narrowing);
            connection.Logger.DelaysNarrowed(prefetch, narrower);
            await window.CloseAsync().ConfigureAwait(false);
            window = await OpenAsync(session, shard, narrower, CancellationToken.None).ConfigureAwait(false);
            Interlocked.Exchange(ref _windows[shard], window);
            if (session.Lost.IsCompleted)
            {
                // Those who were told of the loss may have been told before it was there.
                window.Stop();
            }
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            session.Fail($"what is due soon could not be read again: {exception.Message}");
        }
        finally
        {
            _gate.Release();
        }
    }
}
