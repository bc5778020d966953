using Iii.Broker;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>
/// Locks over all instances: an exclusive queue belongs to the connection that declared it, and goes with it. Two holders on one
/// connection are kept apart here.
/// </summary>
internal sealed class NamedLocks(RabbitMqLink link)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Each attempt that fails is an error in the broker's log.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, Local> _locals = new(StringComparer.Ordinal);

    /// <summary>Waits for the lock; dispose what is returned to let it go. It is lost with the link's session.</summary>
    /// <exception cref="BrokerException">The connection is lost, or the lock was not free in time.</exception>
    public async Task<IAsyncDisposable> AcquireAsync(string name, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(patience);
        try
        {
            return await AcquireAsync(name, bounded.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw LinkErrors.Unavailable($"Another instance kept '{name}' locked in RabbitMQ for more than {patience.TotalSeconds:0.#} s. Try again.");
        }
    }

    /// <summary>Waits for the lock without a bound.</summary>
    public async Task<IAsyncDisposable> AcquireAsync(string name, CancellationToken cancellationToken)
    {
        var local = Enter(name);
        try
        {
            await local.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Leave(name, local);
            throw;
        }

        var held = new Held(this, name, local);
        try
        {
            for (var pause = FirstPause; (held.Session = await TryDeclareAsync(name, cancellationToken).ConfigureAwait(false)) is null;)
            {
                await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }

            return held;
        }
        catch
        {
            await held.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether anybody has it; a holder on this very connection counts as well.</summary>
    public async Task<bool> IsTakenAsync(string name, CancellationToken cancellationToken)
    {
        lock (_locals)
        {
            if (_locals.TryGetValue(name, out var local) && local.Gate.CurrentCount == 0)
            {
                return true;
            }
        }

        await using var probe = await link.Require().OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await probe.QueueDeclarePassiveAsync(name, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationInterruptedException exception)
        {
            return exception.ShutdownReason?.ReplyCode == Constants.ResourceLocked;
        }
    }

    /// <summary>The session that holds it now; null when another connection does.</summary>
    private async Task<LinkSession?> TryDeclareAsync(string name, CancellationToken cancellationToken)
    {
        var session = link.Require();
        await using var probe = await session.OpenProbeAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Not cancelled by the caller: whoever does not hear the answer does not know whether this connection has it.
            await probe.QueueDeclareAsync(
                name, durable: false, exclusive: true, autoDelete: false, cancellationToken: CancellationToken.None).ConfigureAwait(false);
            return session;
        }
        catch (OperationInterruptedException exception) when (exception.ShutdownReason?.ReplyCode == Constants.ResourceLocked)
        {
            return null;
        }
        catch (Exception exception) when (exception is not OperationInterruptedException && LinkErrors.IsFailure(exception))
        {
            // Without an answer nobody here would give it back.
            session.Fail($"the broker did not say who has a lock: {exception.Message}");
            throw;
        }
    }

    private Local Enter(string name)
    {
        lock (_locals)
        {
            if (!_locals.TryGetValue(name, out var local))
            {
                _locals[name] = local = new Local();
            }

            local.Users++;
            return local;
        }
    }

    private void Leave(string name, Local local)
    {
        lock (_locals)
        {
            if (--local.Users == 0)
            {
                _locals.Remove(name);
            }
        }
    }

    private sealed class Local
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);

        /// <summary>Those who have it or wait for it.</summary>
        public int Users { get; set; }
    }

    private sealed class Held(NamedLocks locks, string name, Local local) : IAsyncDisposable
    {
        private int _isLeft;

        /// <summary>The session whose connection has it.</summary>
        public LinkSession? Session { get; set; }

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) != 0)
            {
                return;
            }

            try
            {
                if (Session is { Lost.IsCompleted: false })
                {
                    await using var probe = await Session.OpenProbeAsync(CancellationToken.None).ConfigureAwait(false);
                    await probe.QueueDeleteAsync(name).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (LinkErrors.IsFailure(exception))
            {
                Session?.Fail($"a lock could not be released: {exception.Message}");
            }
            finally
            {
                local.Gate.Release();
                locks.Leave(name, local);
            }
        }
    }
}
