using Iii.Broker;
using Iii.Engine.Configuration;
using Iii.Engine.Modules.Queue;
using Microsoft.Extensions.Logging;

namespace Iii.Engine.Hosting;

/// <summary>Where jobs are kept.</summary>
/// <param name="Broker">The broker's queues.</param>
/// <param name="Adapter">The adapter's name.</param>
/// <param name="Own">What was connected for the jobs alone; null when they are kept where the instances meet.</param>
internal sealed record QueueBroker(IQueueBroker Broker, string Adapter, BrokerSeams? Own)
{
    /// <summary>Whether other instances work on the same jobs. Memory that was made for the jobs alone is of this one.</summary>
    public bool IsShared => Broker.Features.HasFlag(BrokerFeatures.Shared) && (Own is null || Adapter != BrokerOptions.MemoryAdapter);
}

/// <summary>Decides where jobs are kept, and connects there.</summary>
internal sealed class QueueBrokerConnector(
    IReadOnlyList<IBrokerAdapter> adapters, EngineConfiguration configuration, BrokerEnvironment environment, ILoggerFactory loggers)
{
    /// <summary>Finds the place.</summary>
    /// <param name="shared">Where the instances meet.</param>
    /// <param name="cancellation">Calls the start off.</param>
    /// <returns>Null when no queues are configured, or those of another engine, or the broker has none.</returns>
    /// <exception cref="EngineStartException">
    /// The adapter that the module names cannot be reached or used, or has no queues; or the place cannot do what the module's options ask for.
    /// </exception>
    public async Task<QueueBroker?> ConnectAsync(BrokerSeams shared, CancellationToken cancellation)
    {
        if (configuration.Queue is not { BridgeUrl: null } options)
        {
            return null;
        }

        var place = (options.Adapter ?? Embedded()) is { } own ? await ConnectOwnAsync(own, cancellation) : Share(shared);
        string[] problems =
        [
            .. (place is null ? [] : new FeatureCheck(place.Broker, place.Adapter).ProblemsOf(options))
                .Select(static problem => $"modules::queue::QueueModule: {problem.Path}: {problem.Message}"),
        ];
        if (problems.Length == 0)
        {
            return place;
        }

        await (place?.Own?.DisposeAsync() ?? ValueTask.CompletedTask);
        throw new EngineStartException(string.Join('\n', problems), inner: null);
    }

    private async Task<QueueBroker> ConnectOwnAsync(BrokerOptions own, CancellationToken cancellation)
    {
        var connector = new BrokerConnector(adapters, own, environment, loggers.CreateLogger<BrokerConnector>());
        var seams = await connector.ConnectAsync(cancellation);
        if (seams.Queues is { } queues)
        {
            return new QueueBroker(queues, own.Adapter, seams);
        }

        await seams.DisposeAsync();
        throw new EngineStartException($"{own.Section}: the adapter '{own.Adapter}' has no queues; choose another one", inner: null);
    }

    private QueueBroker? Share(BrokerSeams shared)
    {
        if (shared.Queues is { } queues)
        {
            return new QueueBroker(queues, configuration.Broker.Adapter, Own: null);
        }

        loggers.CreateLogger<QueueBrokerConnector>().BrokerWithoutQueues(configuration.Broker.Adapter);
        return null;
    }

    /// <summary>An engine that is alone keeps its jobs in a file, if its host can.</summary>
    private BrokerOptions? Embedded() =>
        configuration.Broker.Adapter == BrokerOptions.MemoryAdapter && adapters.Any(static adapter => adapter.Name == QueueOptions.EmbeddedAdapter)
            ? new BrokerOptions { Adapter = QueueOptions.EmbeddedAdapter, Section = "modules::queue::QueueModule" }
            : null;
}
