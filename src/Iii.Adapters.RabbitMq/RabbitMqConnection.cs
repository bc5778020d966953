using Iii.Adapters.RabbitMq.Connections;
using Iii.Broker;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Adapters.RabbitMq;

/// <summary>
/// What the seams of one instance share to reach RabbitMQ: two connections, one to publish and one to consume, so that a broker
/// that slows publishers down does not keep deliveries and acknowledgements back. Both come back by themselves after a loss.
/// </summary>
public sealed class RabbitMqConnection : IAsyncDisposable, IBrokerConnection
{
    private readonly Lock _lock = new();
    private bool _wasConnected = true;

    private RabbitMqConnection(RabbitMqBrokerOptions options, ILogger logger, RabbitMqLink publishing, RabbitMqLink consuming)
    {
        (Options, Logger, Publishing, Consuming) = (options, logger, publishing, consuming);
        Names = new RabbitMqNames(options.Cluster);
        Locks = new NamedLocks(consuming);
        publishing.Changed += OnLinkChanged;
        consuming.Changed += OnLinkChanged;
        OnLinkChanged();
    }

    /// <inheritdoc/>
    public event Action? ConnectionChanged;

    /// <inheritdoc/>
    public bool IsConnected => Publishing.IsUp && Consuming.IsUp;

    internal RabbitMqBrokerOptions Options { get; }

    internal RabbitMqNames Names { get; }

    internal NamedLocks Locks { get; }

    internal ILogger Logger { get; }

    internal RabbitMqLink Publishing { get; }

    internal RabbitMqLink Consuming { get; }

    /// <summary>Connects.</summary>
    /// <param name="options">Where to, and the bounds.</param>
    /// <param name="loggerFactory">For the adapter's log; null for none.</param>
    /// <param name="cancellationToken">Ends the connecting.</param>
    /// <exception cref="BrokerException">
    /// <see cref="BrokerErrorCodes.BrokerUnavailable"/>: no host answers, or it refuses user, password or virtual host. Later losses
    /// are repaired; a failure of the first attempt is the caller's to handle.
    /// </exception>
    /// <exception cref="ArgumentException">The options cannot be used; the message says what to write.</exception>
    public static async Task<RabbitMqConnection> ConnectAsync(
        RabbitMqBrokerOptions options, ILoggerFactory? loggerFactory = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        RabbitMqNames.CheckCluster(options.Cluster);
        var address = RabbitMqAddress.Parse(options.Url);
        ILogger logger = loggerFactory is null ? NullLogger.Instance : loggerFactory.CreateLogger("Iii.Adapters.RabbitMq");
        var publishing = await RabbitMqLink.OpenAsync(options, address, "publishing", logger, cancellationToken).ConfigureAwait(false);
        try
        {
            var consuming = await RabbitMqLink.OpenAsync(options, address, "consuming", logger, cancellationToken).ConfigureAwait(false);
            return new RabbitMqConnection(options, logger, publishing, consuming);
        }
        catch
        {
            await publishing.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Closes both connections. Dispose what uses them first: what still does fails.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Publishing.DisposeAsync().AsTask(), Consuming.DisposeAsync().AsTask()).ConfigureAwait(false);
    }

    private void OnLinkChanged()
    {
        lock (_lock)
        {
            var isConnected = IsConnected;
            if (isConnected == _wasConnected)
            {
                return;
            }

            _wasConnected = isConnected;
        }

        foreach (var listener in Delegate.EnumerateInvocationList(ConnectionChanged))
        {
            try
            {
                listener();
            }
#pragma warning disable CA1031 // The link that raises it, and the other listeners, have to go on; it is logged.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Logger.ListenerThrew(exception);
            }
        }
    }
}
