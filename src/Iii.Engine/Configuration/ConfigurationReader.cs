using System.Globalization;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;

namespace Iii.Engine.Configuration;

/// <summary>Reads the tree of a whole file.</summary>
/// <param name="errors">Where all that is wrong is reported.</param>
/// <param name="environment">Decides on the broker when the file does not.</param>
/// <param name="hostAdapters">The names of the host's adapters.</param>
internal sealed class ConfigurationReader(ErrorLog errors, Func<string, string?> environment, IReadOnlyList<string> hostAdapters)
{
    private const string PortKey = "port";
    private const string ModulesKey = "modules";
    private const string WorkersKey = "workers";
    private const string ClusterKey = "cluster";

    private static readonly string[] KnownKeys = [PortKey, BrokerSection.Key, ClusterKey, ModulesKey, WorkersKey];

    /// <summary>Reads it all, reporting whatever is wrong. The outcome is of use only if nothing was.</summary>
    public EngineConfiguration Read(ConfigurationNode root)
    {
        var configuration = new EngineConfiguration { Source = errors.Source.File };
        if (root is not MappingNode mapping)
        {
            if (root is not ScalarNode { IsUnresolved: true })
            {
                errors.Error(
                    root.Offset, $"expected a mapping with the keys {string.Join(", ", KnownKeys)}, got {root.Description}");
            }

            return configuration;
        }

        CheckKeys(mapping);
        var list = new ModuleList(errors, hostAdapters);
        if (mapping.TryGet(ModulesKey, out var modules))
        {
            list.ReadModules(modules);
        }

        if (mapping.TryGet(WorkersKey, out var workers))
        {
            list.ReadWorkers(workers);
        }

        var binder = new OptionsBinder(errors, ConfigurationJson.CreateDefault);
        foreach (var entry in list.Entries)
        {
            configuration = entry.Module.Binding?.Apply(configuration, entry, binder, errors) ?? configuration;
        }

        mapping.TryGet(ClusterKey, out var cluster);
        return configuration with
        {
            Gateway = ReadPorts(mapping, list.Find(ModuleKind.WorkerManager), configuration.Gateway),
            Broker = mapping.TryGet(BrokerSection.Key, out var broker)
                ? BrokerSection.Read(broker, BrokerSection.Key, binder, errors)
                : BrokerOptions.OfEnvironment(environment),
            Cluster = binder.Bind(cluster, ClusterKey, ConfigurationJson.Default.ClusterOptions) ?? configuration.Cluster,
        };
    }

    private void CheckKeys(MappingNode mapping)
    {
        foreach (var (key, _) in mapping.Entries)
        {
            if (!KnownKeys.Contains(key.Text))
            {
                errors.Error(key.Offset, KeyMessages.Unknown("", key.Text, KnownKeys));
            }
        }
    }

    /// <summary>
    /// Brings the two places together that may give the port for workers. In each of them 0 is the same as nothing.
    /// </summary>
    private WorkerGatewayOptions ReadPorts(MappingNode root, ModuleEntry? worker, WorkerGatewayOptions options)
    {
        var top = root.TryGet(PortKey, out var topNode) ? ReadPort(topNode) : 0;
        var hasOwn = worker?.Config is MappingNode config && config.TryGet(PortKey, out _);
        var own = hasOwn ? options.Port : 0;
        if (top != 0 && own != 0 && top != own)
        {
            var ownLine = errors.Source.Line(OptionPath.Find(worker!.Config!, PortKey));
            errors.Error(
                topNode!.Offset,
                $"port: {top} here, but {worker.Path}.config.port is {own} (line {ownLine}); "
                + "both are the port for workers, so remove one of the two");
        }

        return options with { Port = top != 0 ? top : own != 0 ? own : WorkerGatewayOptions.DefaultPort };
    }

    private int ReadPort(ConfigurationNode node)
    {
        var scalar = node as ScalarNode;
        if (scalar is { IsUnresolved: true })
        {
            return 0;
        }

        if (scalar is null || CoreSchema.KindOf(scalar.Text) != ScalarKind.Integer)
        {
            errors.Error(node.Offset, $"port: expected a whole number, got {node.Description}");
            return 0;
        }

        if (!CoreSchema.TryReadInteger(scalar.Text, out var port) || port is < 0 or > ushort.MaxValue)
        {
            errors.Error(
                node.Offset,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"port: {DisplayText.Clip(scalar.Text)} is out of range; write a number from 0 to {ushort.MaxValue}"));
            return 0;
        }

        return (int)port;
    }
}
