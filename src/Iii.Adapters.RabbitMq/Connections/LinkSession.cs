using Iii.Broker;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Iii.Adapters.RabbitMq.Connections;

/// <summary>
/// One connection from its opening to its loss. It is never repaired: whatever goes wrong on it, a channel included, ends it, and
/// the link opens the next one. The library's own recovery is off; it cannot be told apart from outside what it has restored.
/// </summary>
internal sealed class LinkSession : IAsyncDisposable
{
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource<BrokerException> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _inUse = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<ITcpClient> _sockets = [];
    private readonly ILogger _logger;
    private IConnection _connection = null!;
    private volatile string? _blockedReason;

    private LinkSession(ILogger logger) => _logger = logger;

    /// <summary>Completes with the reason when the connection is lost, or closed here.</summary>
    public Task<BrokerException> Lost => _lost.Task;

    /// <summary>Completes when the session is the link's: everything that was on the one before is restored. Never, if that fails.</summary>
    public Task InUse => _inUse.Task;

    /// <summary>Why the broker takes no messages at the moment (it is short of memory or disk); null while it does.</summary>
    public string? BlockedReason => _blockedReason;

    /// <summary>Raised after <see cref="BlockedReason"/> has changed.</summary>
    public event Action? BlockedChanged;

    /// <exception cref="BrokerException">The broker cannot be reached or refuses the connection.</exception>
    public static async Task<LinkSession> OpenAsync(
        RabbitMqBrokerOptions options, RabbitMqAddress address, string name, ILogger logger, CancellationToken cancellationToken)
    {
        var session = new LinkSession(logger);
        var factory = new ConnectionFactory
        {
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            RequestedHeartbeat = options.Heartbeat,
            RequestedConnectionTimeout = options.OperationTimeout,
            HandshakeContinuationTimeout = options.OperationTimeout,
            ContinuationTimeout = options.OperationTimeout,
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            SocketFactory = session.OpenSocket,
        };
        try
        {
            // Once nobody waits any more, the library would still wait seconds for a goodbye of whoever is there.
            using var cut = cancellationToken.UnsafeRegister(static state => ((LinkSession)state!).CloseSockets(), session);
            session._connection = await factory.CreateConnectionAsync(address.Endpoints, name, cancellationToken).ConfigureAwait(false);

            // The library does not wait for the broker's word on the virtual host; a channel has to.
            var probe = await session._connection.CreateChannelAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            await probe.CloseAsync(cancellationToken).ConfigureAwait(false);
            await probe.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            session.CloseSockets();
            cancellationToken.ThrowIfCancellationRequested();
            throw LinkErrors.Unavailable($"RabbitMQ at {address} cannot be used", exception);
        }

        session._connection.ConnectionBlockedAsync += (_, args) => session.SetBlocked(args.Reason);
        session._connection.ConnectionUnblockedAsync += (_, _) => session.SetBlocked(null);
        session._connection.ConnectionShutdownAsync += (_, args) => session.OnShutdown("The connection was closed", args);
        return session;
    }

    /// <summary>From now on it is the link's.</summary>
    public void Use() => _inUse.TrySetResult();

    /// <summary>Opens a channel. Its unexpected end is the end of the session.</summary>
    public async Task<IChannel> OpenChannelAsync(CreateChannelOptions options, CancellationToken cancellationToken)
    {
        var channel = await _connection.CreateChannelAsync(options, cancellationToken).ConfigureAwait(false);
        channel.ChannelShutdownAsync += (_, args) => OnShutdown("A channel was closed", args);
        return channel;
    }

    /// <summary>Opens a channel for a question whose answer may be that the broker closes it.</summary>
    public Task<IChannel> OpenProbeAsync(CancellationToken cancellationToken) => _connection.CreateChannelAsync(null, cancellationToken);

    /// <summary>Gives the connection up, at once and without a goodbye: all that waits on it fails.</summary>
    public void Fail(string why) => End(LinkErrors.Unavailable($"The connection to RabbitMQ is lost: {why}."));

    /// <summary>Says goodbye if the broker still listens, and closes the connection in any case.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!Lost.IsCompleted)
        {
            try
            {
                await _connection.CloseAsync(Constants.ReplySuccess, "Goodbye", ClosePatience, abort: true).WaitAsync(ClosePatience).ConfigureAwait(false);
            }
            catch (Exception exception) when (LinkErrors.IsFailure(exception))
            {
                _logger.CloseFailed(exception.Message);
            }
        }

        End(LinkErrors.Unavailable("The connection to RabbitMQ was closed."));
        try
        {
            await _connection.DisposeAsync().AsTask().WaitAsync(ClosePatience).ConfigureAwait(false);
        }
        catch (Exception exception) when (LinkErrors.IsFailure(exception))
        {
            _logger.CloseFailed(exception.Message);
        }
    }

    private Task OnShutdown(string what, ShutdownEventArgs args)
    {
        // A channel that we close is no loss; a connection that we close ends through dispose.
        if (args.Initiator != ShutdownInitiator.Application)
        {
            Fail($"{what} ({LinkErrors.Describe(args)})");
        }

        return Task.CompletedTask;
    }

    private void End(BrokerException why)
    {
        _lost.TrySetResult(why);
        CloseSockets();
    }

    private Task SetBlocked(string? reason)
    {
        _blockedReason = reason;
        if (reason is null)
        {
            _logger.Unblocked();
        }
        else
        {
            _logger.Blocked(reason);
        }

        BlockedChanged?.Invoke();
        return Task.CompletedTask;
    }

    /// <summary>The library cannot abandon a write that the broker does not take; closing the socket under it can.</summary>
    private ITcpClient OpenSocket(System.Net.Sockets.AddressFamily family)
    {
        var socket = ConnectionFactoryBase.DefaultSocketFactory(family);
        lock (_sockets)
        {
            _sockets.Add(socket);
        }

        return socket;
    }

    private void CloseSockets()
    {
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Close());
            _sockets.Clear();
        }
    }
}
