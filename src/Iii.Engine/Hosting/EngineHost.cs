using System.Net.Sockets;
using Iii.Broker;
using Iii.Engine.Channels;
using Iii.Engine.Cluster;
using Iii.Engine.Cluster.Copies;
using Iii.Engine.Configuration;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Modules.Http;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Engine.Modules.Queue;
using Iii.Engine.Telemetry;
using Iii.Engine.Triggers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Iii.Engine.Hosting;

/// <summary>
/// One engine instance: puts the rooms together, binds the listeners, and drains on the way out.
/// </summary>
/// <remarks>Start it once and stop it once; a stopped host cannot start again. Members are not thread-safe.</remarks>
public sealed class EngineHost : IAsyncDisposable
{
    /// <summary>How long an adapter may take to close what it has open.</summary>
    internal static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(15);

    private readonly EngineConfiguration _configuration;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WebApplication _app;
    private readonly List<Listener> _listeners = [];
    private readonly Listener? _httpListener;
    private readonly DeadlineSweeper _deadlines;
    private readonly InvocationMetrics _metrics;
    private readonly TelemetryCounters _telemetryCounters = new();
    private readonly ChannelDirectory _channels;
    private readonly ClusterNode _cluster;
    private readonly DiscoveryEvents _events;
    private readonly WorkerGateway _gateway;
    private readonly HttpModule? _http;
    private readonly HttpFunctionsModule _httpFunctions;
    private readonly BridgeModule[] _bridges;
    private readonly BrokerConnector _connector;
    private readonly QueueBrokerConnector _queueConnector;
    private readonly Func<QueueBroker, QueueModule> _makeQueues;
    private readonly QueueBridge? _queueBridge;
    private readonly HealthPage _health;
    private BrokerSeams? _seams;
    private QueueBroker? _queueBroker;
    private QueueModule? _queues;

    private EngineHost(
        EngineConfiguration configuration, Action<ILoggingBuilder> logging, TimeProvider time, IReadOnlyList<IBrokerAdapter> adapters)
    {
        (_configuration, _time) = (configuration, time);

        // The empty builder reads no files and no variables: an engine is told what to do by its configuration alone.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "iii" });
        logging(builder.Logging);

        // The host would make an activity and a log scope of every request, at the price of half of what a request allocates.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.Configure<HostOptions>(static options => options.ShutdownTimeout = WorkerConnection.CloseGrace * 2);
        // In this order they are bound: workers come last, when all that they register for is there.
        _httpListener = configuration.Http is { } http
            ? AddListener("http", http.Host, http.Port, "`port` in the config of modules::api::RestApiModule")
            : null;
        var workerListener = AddListener(
            "workers", configuration.Gateway.Host, configuration.Gateway.Port, "`port` at the top of the configuration");
        builder.WebHost.UseKestrelCore().ConfigureKestrel(ConfigureKestrel);
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new ListenerFactory(
            _listeners,
            new SocketTransportFactory(
                services.GetRequiredService<IOptions<SocketTransportOptions>>(), services.GetRequiredService<ILoggerFactory>())));
        _app = builder.Build();

        var loggers = _app.Services.GetRequiredService<ILoggerFactory>();
        _logger = loggers.CreateLogger<EngineHost>();
        var instance = InstanceId.New(configuration.Cluster.InstanceId);
        IBrokerAdapter[] known = [new MemoryAdapter(), .. adapters];
        var environment = new BrokerEnvironment(configuration.Cluster.Name, instance.Text, loggers, time);
        _connector = new BrokerConnector(known, configuration.Broker, environment, loggers.CreateLogger<BrokerConnector>());
        _queueConnector = new QueueBrokerConnector(known, configuration, environment, loggers);
        _deadlines = new DeadlineSweeper(time);
        _metrics = new InvocationMetrics(time);
        var functions = new FunctionDirectory();
        var places = new PlaceDirectory(instance.Text, configuration.Cluster.Settling, time);
        var triggers = new TriggerDirectory(loggers.CreateLogger<TriggerDirectory>());
        var workers = new WorkerDirectory(functions, triggers, _deadlines, instance);
        var invoker = new FunctionInvoker(
            functions, _deadlines, _metrics, time, TimeSpan.FromMilliseconds(configuration.Gateway.InvocationTimeoutMs));
        var engineFunctions = new EngineFunctions(functions, _deadlines);
        var workerMetrics = new WorkerMetricsTable(id => workers.Find(id) is not null, time);
        workers.Changed += (change, id) =>
        {
            if (change == WorkerEvent.Disconnected)
            {
                workerMetrics.Remove(id);
            }
        };
        _channels = new ChannelDirectory(
            instance, configuration.Gateway.MaxChannels, id => workers.Find(id) is not null, time);
        var remoteWorkers = new RemoteWorkerDirectory();
        _cluster = new ClusterNode(
            instance,
            configuration.Cluster,
            functions,
            triggers,
            workers,
            remoteWorkers,
            places,
            invoker,
            _deadlines,
            _channels,
            configuration.Gateway.MaxMessageBytes,
            time,
            loggers.CreateLogger<ClusterNode>());
        var discovery = new DiscoveryFunctions(functions, triggers, workers, remoteWorkers, workerMetrics, time);
        discovery.AddTo(engineFunctions);
        ChannelFunctions.AddTo(engineFunctions, _channels);
        _events = new DiscoveryEvents(
            functions, [workers, remoteWorkers], () => _cluster.IsLeader, triggers, discovery, invoker, time);

        _health = new HealthPage(
            _cluster, configuration.Cluster.Name, configuration.Broker.Adapter, workers, functions);
        if (configuration.Http is not null)
        {
            _http = new HttpModule(configuration.Http, invoker, _channels, time, loggers.CreateLogger<HttpModule>()) { Health = _health };
            triggers.AddType(HttpTriggerType.Id, "Serves a function as an HTTP route", _http.TriggerType);
            _httpListener!.Handler = HandleHttpAsync;
        }

        _httpFunctions = new HttpFunctionsModule(configuration.HttpFunctions, time, loggers.CreateLogger<HttpFunctionsModule>());
        _bridges =
        [
            .. configuration.Bridges.Select(bridge => new BridgeModule(
                bridge, configuration.Gateway, engineFunctions, invoker, time, loggers.CreateLogger<BridgeModule>())),
        ];
        _gateway = new WorkerGateway(
            configuration.Gateway,
            workers,
            functions,
            triggers,
            invoker,
            _httpFunctions,
            new TelemetryIntake(_telemetryCounters, workerMetrics),
            _cluster,
            new ChannelGateway(configuration.Gateway, _channels, _cluster, loggers.CreateLogger<ChannelGateway>()),
            time,
            loggers.CreateLogger<WorkerGateway>());
        if (configuration.Queue is { BridgeUrl: { } bridgeUrl } queue)
        {
            _queueBridge = new QueueBridge(
                bridgeUrl,
                TimeSpan.FromMilliseconds(queue.JobTimeoutMs),
                configuration.Gateway,
                functions,
                invoker,
                time,
                loggers.CreateLogger<QueueBridge>());
            _queueBridge.AddTo(engineFunctions, triggers);
        }

        _makeQueues = broker =>
        {
            var queues = new QueueModule(
                configuration.Queue!,
                broker.Broker,
                broker.Adapter,
                functions,
                broker.IsShared ? places : places.Apart(),
                invoker,
                time,
                loggers.CreateLogger<QueueModule>());
            queues.AddTo(engineFunctions, triggers);
            return queues;
        };
        workerListener.Handler = WithWebSockets(context => !context.WebSockets.IsWebSocketRequest && HealthPage.IsFor(context.Request)
            ? _health.AnswerAsync(context, withDetails: true)
            : _gateway.HandleAsync(context));
        _app.Run(static context => context.Features.Get<Listener>()!.Handler(context));
    }

    /// <summary>Where the engine listens; the ports are known once it has started.</summary>
    public IReadOnlyList<ListenerAddress> Listeners =>
        [.. _listeners.Select(static listener => new ListenerAddress(listener.Name, listener.Host, listener.Port))];

    /// <summary>Puts an engine together. Nothing is bound and nothing runs before <see cref="StartAsync"/>.</summary>
    /// <param name="configuration">What to run.</param>
    /// <param name="logging">Adds the log providers; without them nothing is logged.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="adapters">
    /// What <c>broker.adapter</c> may name besides <c>memory</c>, which is always there unless one of these has its name.
    /// </param>
    public static EngineHost Create(
        EngineConfiguration configuration,
        Action<ILoggingBuilder>? logging = null,
        TimeProvider? time = null,
        IReadOnlyList<IBrokerAdapter>? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new EngineHost(configuration, logging ?? (static _ => { }), time ?? TimeProvider.System, adapters ?? []);
    }

    /// <summary>A block for people: modules, adapters, limits and listeners. Its last line is <c>ready</c>.</summary>
    /// <param name="version">The version to print.</param>
    public string Describe(string version) =>
        StartupReport.Write(version, _configuration, _queueBroker?.Adapter, _channels.Instance.Text, Listeners);

    /// <summary>Connects to the broker, and then binds every listener, or none.</summary>
    /// <param name="cancellation">Calls the start off.</param>
    /// <exception cref="EngineStartException">
    /// The broker cannot be reached in time or used, a port is taken, or an address does not exist or cannot be bound.
    /// </exception>
    /// <exception cref="OperationCanceledException">The start was called off.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        if (_listeners.Find(static listener => listener.Problem is not null) is { } unresolved)
        {
            throw new EngineStartException(unresolved.Problem!, inner: null);
        }

        if (_configuration.Queue?.BridgeUrl is { } bridgeUrl && IsOwn(new Uri(bridgeUrl)))
        {
            throw new EngineStartException(
                $"bridge_url: {bridgeUrl} is this engine's own port for workers; write the address of another engine, or give this one another port",
                inner: null);
        }

        try
        {
            _seams = await _connector.ConnectAsync(cancellation);
            if (_seams.Bus is { } bus)
            {
                await _cluster.JoinAsync(bus, cancellation);
            }

            _queueBroker = await _queueConnector.ConnectAsync(_seams, cancellation);
            if (_queueBroker is not null)
            {
                _queues = _makeQueues(_queueBroker);
                _gateway.Queues = _queues;
            }

            await _app.StartAsync(cancellation);
        }
        catch (Exception e)
        {
            await DisposeAsync();
            if (e is IOException or SocketException)
            {
                throw new EngineStartException(Explain(e), e);
            }

            if (e is BrokerException)
            {
                throw new EngineStartException($"broker: {e.Message}", e);
            }

            throw;
        }

        foreach (var bridge in _bridges)
        {
            bridge.Start();
        }

        _queueBridge?.Start();

        _health.Phase = EnginePhase.Running;
    }

    /// <summary>
    /// Drains and stops: takes no new work, lets what is under way finish for at most the configured time, and closes the
    /// workers' sockets with 1012, so that they connect again, maybe elsewhere.
    /// </summary>
    /// <remarks>
    /// It says at once that it is not ready, and goes on for the configured delay, in which balancers notice. Then new connections to the
    /// HTTP port are refused, which lets a balancer try another instance. The worker port stays open until the end, for health checks and
    /// for the channels of what is under way; it turns new workers away with 503.
    /// </remarks>
    public async Task StopAsync()
    {
        // Before anything else, so that balancers are the first to know.
        _health.Phase = EnginePhase.Draining;
        await Task.Delay(TimeSpan.FromMilliseconds(_configuration.Gateway.DrainDelayMs), _time);
        if (_httpListener is not null)
        {
            await _httpListener.CloseAsync();
        }

        // No more jobs from here on. The workers stay until those that run have ended, and the broker has been told.
        var patience = TimeSpan.FromMilliseconds(_configuration.Gateway.DrainTimeoutMs);
        var jobs = _queues?.DrainAsync(patience) ?? _queueBridge?.DrainAsync(patience) ?? Task.CompletedTask;
        await _gateway.DrainAsync(
            () => (_http?.ActiveRequests ?? 0) + (_queues?.RunningJobs ?? _queueBridge?.RunningJobs ?? 0), patience);
        await jobs;
        _channels.AbandonAll();
        await _app.StopAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var bridge in _bridges)
        {
            await bridge.DisposeAsync();
        }

        if (_queueBridge is not null)
        {
            await _queueBridge.DisposeAsync();
        }

        _events.Dispose();
        await _cluster.DisposeAsync();
        _http?.Dispose();
        _httpFunctions.Dispose();
        _channels.Dispose();
        _deadlines.Dispose();
        _metrics.Dispose();
        _telemetryCounters.Dispose();
        await _app.DisposeAsync();
        if (_queues is not null)
        {
            await _queues.DrainAsync(TimeSpan.Zero);
            _queues.Dispose();
        }

        await CloseAsync(_queueBroker?.Own);
        await CloseAsync(_seams);
    }

    /// <summary>Disposes of an adapter's connection. One that cannot come to an end must not keep the process from ending.</summary>
    private async ValueTask CloseAsync(BrokerSeams? seams)
    {
        if (seams is null)
        {
            return;
        }

        try
        {
            await seams.DisposeAsync().AsTask().WaitAsync(ClosePatience, _time);
        }
        catch (TimeoutException)
        {
            _logger.BrokerNotClosed(ClosePatience);
        }
    }

    private Listener AddListener(string name, string host, int port, string setting)
    {
        var listener = new Listener(name, host, port, setting);
        _listeners.Add(listener);
        return listener;
    }

    private void ConfigureKestrel(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;

        // Bodies are bounded by the modules that read them; slow uploads and event streams are legitimate.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        foreach (var listener in _listeners)
        {
            listener.BindTo(kestrel);
        }
    }

    private Task HandleHttpAsync(HttpContext context)
    {
        if (_health.Phase == EnginePhase.Draining)
        {
            // A connection that was open already may bring one more request; its client shall go elsewhere with the next.
            context.Response.Headers.Connection = "close";
        }

        return _http!.HandleAsync(context);
    }

    private RequestDelegate WithWebSockets(RequestDelegate handler)
    {
        var pipeline = ((IApplicationBuilder)_app).New();
        pipeline.UseWebSockets();
        pipeline.Run(handler);
        return pipeline.Build();
    }

    private bool IsOwn(Uri url) => url.IsLoopback && url.Port == _configuration.Gateway.Port;

    private string Explain(Exception e)
    {
        var taken = _listeners.FirstOrDefault(listener => e.Message.Contains($":{listener.Port}:", StringComparison.Ordinal));
        return taken is null || e.InnerException is not AddressInUseException
            ? $"Cannot listen: {e.Message}"
            : $"Port {taken.Port} ({taken.Name}) is taken by another process. Stop that process, or set another port: {taken.Setting}.";
    }
}
