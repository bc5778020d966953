using Iii.Broker;
using Microsoft.Extensions.Logging;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>A connection that comes back: one session after the other, each with everything that its users had on the last.</summary>
internal sealed class RabbitMqLink : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    private readonly RabbitMqBrokerOptions _options;
    private readonly RabbitMqAddress _address;
    private readonly string _role;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lazy<Task> _dispose;

    /// <summary>Held while users are built up or told of a loss, so that a newcomer is never in between.</summary>
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<ILinkUser> _users = [];
    private volatile LinkSession? _session;
    private volatile BrokerException _downReason = LinkErrors.Unavailable("RabbitMQ was never connected.");
    private Task _loop = Task.CompletedTask;

    private RabbitMqLink(RabbitMqBrokerOptions options, RabbitMqAddress address, string role, ILogger logger)
    {
        (_options, _address, _role, _logger) = (options, address, role, logger);
        _dispose = new Lazy<Task>(CloseAsync);
    }

    public bool IsUp => _session is not null;

    /// <summary>Raised after <see cref="IsUp"/> has changed.</summary>
    public event Action? Changed;

    /// <exception cref="BrokerException">The first connection could not be opened.</exception>
    public static async Task<RabbitMqLink> OpenAsync(
        RabbitMqBrokerOptions options, RabbitMqAddress address, string role, ILogger logger, CancellationToken cancellationToken)
    {
        var link = new RabbitMqLink(options, address, role, logger);
        var session = await link.OpenSessionAsync(cancellationToken).ConfigureAwait(false);
        link._session = session;
        session.Use();
        link._loop = Task.Run(() => link.RunAsync(session), CancellationToken.None);
        return link;
    }

    /// <summary>The session of this moment.</summary>
    /// <exception cref="BrokerException">There is none.</exception>
    public LinkSession Require() => _session ?? throw Again(_downReason);

    /// <summary>Builds the user up, and again on every later session.</summary>
    public async Task AttachAsync(ILinkUser user, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await user.RestoreAsync(Require(), cancellationToken).ConfigureAwait(false);
            _users.Add(user);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw LinkErrors.Unavailable("RabbitMQ did not set up what was asked for", exception);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Forgets the user, which tidies up after itself.</summary>
    public async Task DetachAsync(ILinkUser user)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        _users.Remove(user);
        _gate.Release();
    }

    public ValueTask DisposeAsync() => new(_dispose.Value);

    /// <summary>The same failure, made anew: each caller gets an exception of its own.</summary>
    private static BrokerException Again(BrokerException why) => new(why.Code, why.Message, why);

    private async Task RunAsync(LinkSession? session)
    {
        while (session is not null)
        {
            var why = await session.Lost.ConfigureAwait(false);
            await TellLossAsync(why).ConfigureAwait(false);
            await session.DisposeAsync().ConfigureAwait(false);
            session = await ReconnectAsync().ConfigureAwait(false);
        }
    }

    private async Task TellLossAsync(BrokerException why)
    {
        _downReason = why;
        _session = null;
        if (!_closing.IsCancellationRequested)
        {
            _logger.ConnectionLost(_role, _address.ToString(), why.Message);
        }

        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            TellUsers(why);
        }
        finally
        {
            _gate.Release();
        }

        Changed?.Invoke();
    }

    /// <summary>One that throws keeps neither the others from hearing it nor the link from coming back.</summary>
    private void TellUsers(BrokerException why)
    {
        foreach (var user in _users)
        {
            try
            {
                user.OnLost(why);
            }
#pragma warning disable CA1031 // Whatever it was, the link has to come back; it is logged.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _logger.UserThrew(exception, _role);
            }
        }
    }

    private async Task<LinkSession?> ReconnectAsync()
    {
        for (var attempt = 1; !_closing.IsCancellationRequested; attempt++)
        {
            try
            {
                var session = await OpenSessionAsync(_closing.Token).ConfigureAwait(false);
                await RestoreAsync(session).ConfigureAwait(false);
                return session;
            }
#pragma warning disable CA1031 // Whatever it was, the next attempt may succeed; it is logged.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                await PauseAsync(attempt, exception).ConfigureAwait(false);
            }
        }

        return null;
    }

    private async Task RestoreAsync(LinkSession session)
    {
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _closing.Token.ThrowIfCancellationRequested();
            foreach (var user in _users)
            {
                await user.RestoreAsync(session, _closing.Token).ConfigureAwait(false);
            }

            _session = session;
            session.Use();

            // Who closes the link looks for a session after it has said so: one of the two sees the other.
            Interlocked.MemoryBarrier();
            if (_closing.IsCancellationRequested)
            {
                session.Fail("it is being closed");
            }
        }
#pragma warning disable CA1031 // Whatever it was, the session is of no use; it is thrown on as the reason of its end.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            // What ended the session meanwhile says more than the step that was interrupted by its end.
            session.Fail($"what was on it could not be restored: {exception.Message}");
            var why = await session.Lost.ConfigureAwait(false);
            TellUsers(why);
            await session.DisposeAsync().ConfigureAwait(false);
            throw Again(why);
        }
        finally
        {
            _gate.Release();
        }

        Changed?.Invoke();
    }

    private async Task PauseAsync(int attempt, Exception exception)
    {
        var longest = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, attempt - 1), _options.MaxReconnectPause.TotalMilliseconds);

        // Not all instances at the same moment.
        var pause = (int)(longest * (0.5 + (Random.Shared.NextDouble() / 2)));
        if (!_closing.IsCancellationRequested)
        {
            _logger.ReconnectFailed(_role, attempt, pause, exception.Message);
            await Task.Delay(pause, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<LinkSession> OpenSessionAsync(CancellationToken cancellationToken)
    {
        var name = $"{_options.ConnectionName} {_role}";
        var session = await LinkSession.OpenAsync(_options, _address, name, _logger, cancellationToken).ConfigureAwait(false);
        _logger.Connected(_role, _address.ToString());
        return session;
    }

    private async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        if (_session is { } session)
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }

        await _loop.ConfigureAwait(false);
    }
}
