using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>
/// The connection of one instance to Redis, which its bus, queues, state and leases share. It connects again by itself; while it is
/// known to be down, calls fail at once.
/// </summary>
/// <remarks>Dispose the adapters that use it first: they need it for their goodbyes.</remarks>
public sealed class RedisConnection : IBrokerConnection, IAsyncDisposable
{
    /// <summary>How often it is checked whether Redis answers again, once it did not.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>A count of losses that there never is.</summary>
    private const int OutdatedLosses = -1;

    private static readonly TimeSpan HearingPoll = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FirstReconnectPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestReconnectPause = TimeSpan.FromSeconds(2);

    private readonly ConnectionMultiplexer _multiplexer;
    private readonly ILogger _log;
    private readonly string _where;
    private readonly WakeUpSignal _wakeUp = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly Lazy<Task> _dispose;
    private readonly Lock _lock = new();
    private volatile bool _isUp = true;
    private volatile bool _isHearing = true;
    private int _losses;
    private Task _watch = Task.CompletedTask;

    private RedisConnection(ConnectionMultiplexer multiplexer, RedisBrokerOptions options, string where)
    {
        (_multiplexer, Options, _where) = (multiplexer, options, where);
        _log = options.LoggerFactory.CreateLogger<RedisConnection>();
        _dispose = new Lazy<Task>(CloseAsync);
        IsCluster = multiplexer.GetServers().Any(static server => server.ServerType == ServerType.Cluster);
        Names = new RedisNames(options, IsCluster);
        Database = multiplexer.GetDatabase();
        Subscriber = multiplexer.GetSubscriber();
        Channels = new ChannelTable(this);
        multiplexer.ConnectionFailed += OnConnectionFailed;
        multiplexer.ConnectionRestored += OnConnectionRestored;
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged;

    /// <inheritdoc/>
    public bool IsConnected => _isUp && _isHearing;

    internal RedisBrokerOptions Options { get; }

    /// <summary>Whether Redis is a Redis Cluster.</summary>
    internal bool IsCluster { get; }

    /// <summary>How a script publishes.</summary>
    internal string PublishCommand => IsCluster ? "SPUBLISH" : "PUBLISH";

    internal RedisNames Names { get; }

    internal IDatabase Database { get; }

    internal ISubscriber Subscriber { get; }

    internal ChannelTable Channels { get; }

    /// <summary>Connects.</summary>
    /// <param name="options">Where to and how.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="ArgumentException">The options cannot be right.</exception>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>: nobody is there, or refuses the password. No message repeats the password.
    /// </exception>
    public static async Task<RedisConnection> ConnectAsync(RedisBrokerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var configuration = Configure(options);
        var where = string.Join(", ", configuration.EndPoints.Select(Describe));
        try
        {
            // The client has no token; a connection that nobody waits for any more is closed when it is there.
            var connecting = ConnectionMultiplexer.ConnectAsync(configuration);
            var multiplexer = await Abandonable(connecting, cancellationToken).ConfigureAwait(false);
            await CheckDatabaseAsync(multiplexer, configuration.DefaultDatabase ?? 0).ConfigureAwait(false);
            await HearsAsync(multiplexer, options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
            var connection = new RedisConnection(multiplexer, options, where);
            connection._watch = Task.Run(connection.WatchAsync, CancellationToken.None);
            RedisLog.Connected(connection._log, where, connection.IsCluster);
            return connection;
        }
        catch (Exception exception) when (IsFailure(exception))
        {
            throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"Redis at {where} cannot be used: {Reason(exception)}", exception);
        }
    }

    /// <summary>Closes the connection. What still uses it fails.</summary>
    public ValueTask DisposeAsync() => new(_dispose.Value);

    /// <summary>Whether it is a failure of Redis or the way to it, as opposed to a bug.</summary>
    internal static bool IsFailure(Exception exception) => exception is RedisException or TimeoutException or ObjectDisposedException;

    /// <summary>Refuses to try what is known to fail.</summary>
    /// <exception cref="BrokerException">With <see cref="BrokerErrorCodes.BrokerUnavailable"/>.</exception>
    internal void CheckUp()
    {
        if (!_isUp)
        {
            throw Unavailable();
        }
    }

    /// <summary>The seams' exception for a failed command; it also has the connection looked after.</summary>
    internal BrokerException Unavailable(Exception exception)
    {
        NoteFailure(exception);
        return new BrokerException(BrokerErrorCodes.BrokerUnavailable, $"Redis at {_where} failed: {Reason(exception)}", exception);
    }

    /// <summary>A command failed: if Redis does not answer, nobody else needs to wait to see that.</summary>
    internal void NoteFailure(Exception exception)
    {
        if (exception is TimeoutException)
        {
            Lose(isUp: false, isHearing: true);
        }

        _wakeUp.Set();
    }

    private static ConfigurationOptions Configure(RedisBrokerOptions options)
    {
        var configuration = RedisUrl.Parse(options.Url);
        configuration.DefaultDatabase = options.Database ?? configuration.DefaultDatabase;
        configuration.ConnectTimeout = (int)options.ConnectTimeout.TotalMilliseconds;
        configuration.AsyncTimeout = configuration.SyncTimeout = (int)options.CommandTimeout.TotalMilliseconds;
        configuration.HeartbeatInterval = HeartbeatInterval;
        configuration.ReconnectRetryPolicy = new ExponentialRetry(
            (int)FirstReconnectPause.TotalMilliseconds, (int)LongestReconnectPause.TotalMilliseconds);
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        configuration.AbortOnConnectFail = true;

        // Only to look at the server's own settings.
        configuration.AllowAdmin = true;
        configuration.IncludeDetailInExceptions = false;
        configuration.ClientName ??= $"iii-{options.Cluster}".Replace(' ', '-');
        return configuration;
    }

    private static async Task<ConnectionMultiplexer> Abandonable(Task<ConnectionMultiplexer> connecting, CancellationToken cancellationToken)
    {
        try
        {
            return await connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!connecting.IsCompleted)
        {
            _ = connecting.ContinueWith(
                static late => late.IsCompletedSuccessfully ? late.Result.DisposeAsync().AsTask() : Task.FromResult(late.Exception),
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>The client connects to a database that is not there, and then each command fails.</summary>
    /// <exception cref="ArgumentException">There is no such database.</exception>
    private static async Task CheckDatabaseAsync(ConnectionMultiplexer multiplexer, int database)
    {
        // None where the server does not tell.
        var count = multiplexer.GetServers().Where(static server => server.IsConnected).Select(static server => server.DatabaseCount).DefaultIfEmpty().Max();
        if (count > 0 && database >= count)
        {
            await multiplexer.DisposeAsync().ConfigureAwait(false);
            throw new ArgumentException(
                $"Redis has no database {database}: its setting `databases` is {count}. Write one from 0 to {count - 1}, or none, at the end of the URL.");
        }
    }

    /// <summary>Waits for the second socket, the one that hears: the client is ready before it, and subscribing would fail until then.</summary>
    private static async Task HearsAsync(ConnectionMultiplexer multiplexer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            for (var start = Stopwatch.GetTimestamp(); !multiplexer.GetSubscriber().IsConnected();)
            {
                if (Stopwatch.GetElapsedTime(start) > timeout)
                {
                    throw new TimeoutException();
                }

                await Task.Delay(HearingPoll, cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            await multiplexer.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static string Describe(EndPoint endPoint) => endPoint switch
    {
        DnsEndPoint dns => $"{dns.Host}:{dns.Port}",
        _ => endPoint.ToString() ?? "?",
    };

    private static string Reason(Exception exception)
    {
        for (var inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure })
            {
                return "it refuses the user or the password, or wants one. Check the URL.";
            }
        }

        return exception switch
        {
            TimeoutException => "it did not answer in time.",
            RedisServerException => exception.Message,
            RedisConnectionException { FailureType: var type } => $"there is no connection to it ({type}).",
            _ => "the connection is closed.",
        };
    }

    private BrokerException Unavailable() =>
        new(BrokerErrorCodes.BrokerUnavailable, $"Redis at {_where} cannot be reached at the moment; the connection is being restored.");

    /// <summary>The server in question may be a replica or one of many: what counts is whether commands still find their way.</summary>
    private bool CanSend() => Database.IsConnected(default, CommandFlags.DemandMaster);

    private void OnConnectionFailed(object? sender, ConnectionFailedEventArgs failure)
    {
        if (failure.ConnectionType == ConnectionType.Subscription)
        {
            Lose(isUp: true, isHearing: Channels.IsEmpty);
            Channels.OnGap();
        }
        else
        {
            Lose(isUp: CanSend(), isHearing: true);
        }

        _wakeUp.Set();
    }

    private void OnConnectionRestored(object? sender, ConnectionFailedEventArgs restored)
    {
        if (restored.ConnectionType == ConnectionType.Subscription)
        {
            // Again, for those that had something of before the gap in their queues when they were told.
            Channels.OnGap();
        }

        _wakeUp.Set();
    }

    /// <summary>Something is, or may be, lost: what is said to be down is, and what is down stays so until it has been checked anew.</summary>
    private void Lose(bool isUp, bool isHearing)
    {
        Interlocked.Increment(ref _losses);
        Change(OutdatedLosses, isUp, isHearing);
    }

    /// <summary>Takes the result of a check. If something was lost while it was made, then it makes nothing better.</summary>
    private void Change(int losses, bool isUp, bool isHearing)
    {
        bool isConnected;
        lock (_lock)
        {
            var wasConnected = IsConnected;
            var isCurrent = losses == Volatile.Read(ref _losses);
            _isUp = isUp && (isCurrent || _isUp);
            _isHearing = isHearing && (isCurrent || _isHearing);
            isConnected = IsConnected;
            if (isConnected == wasConnected)
            {
                return;
            }
        }

        if (isConnected)
        {
            RedisLog.Restored(_log, _where);
        }
        else
        {
            RedisLog.Lost(_log, _where);
        }

        ConnectionChanged?.Invoke();
    }

    private async Task WatchAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                await _wakeUp.WaitAsync(IsConnected ? Options.CheckInterval : RetryInterval, _closing.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            var losses = Volatile.Read(ref _losses);
            var isUp = CanSend() && await AnswersAsync(Database).ConfigureAwait(false);
            var isHearing = Channels.IsEmpty || (await AnswersAsync(Subscriber).ConfigureAwait(false) && Channels.IsComplete);
            if (!_closing.IsCancellationRequested)
            {
                Change(losses, isUp, isHearing);
            }
        }
    }

    private async Task<bool> AnswersAsync(IRedisAsync target)
    {
        try
        {
            await target.PingAsync().WaitAsync(Options.CommandTimeout).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (IsFailure(exception))
        {
            return false;
        }
    }

    private async Task CloseAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        _multiplexer.ConnectionFailed -= OnConnectionFailed;
        _multiplexer.ConnectionRestored -= OnConnectionRestored;
        _isUp = false;
        await _multiplexer.DisposeAsync().ConfigureAwait(false);
    }
}
