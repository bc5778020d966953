using System.Text.Json.Serialization.Metadata;
using Iii.Engine.Hosting;

namespace Iii.Engine.Configuration;

/// <summary>How the configuration of one built module gets into the <see cref="EngineConfiguration"/>.</summary>
internal abstract class ModuleBinding
{
    /// <summary>A module that is accepted with any configuration and does nothing.</summary>
    public static ModuleBinding Nothing { get; } = new NoOptions();

    /// <summary>A module whose configuration is an options record.</summary>
    /// <param name="type">The JSON metadata of the record, from <see cref="ConfigurationJson"/>.</param>
    /// <param name="apply">Puts the options, and the adapter of a module that has adapters, into the configuration.</param>
    public static ModuleBinding Options<T>(
        JsonTypeInfo<T> type, Func<EngineConfiguration, T, AdapterChoice?, EngineConfiguration> apply)
        where T : class, IValidatableOptions => new OptionsOf<T>(type, apply);

    /// <summary>A module whose configuration is an options record, and the config of its adapter another one.</summary>
    /// <param name="type">The JSON metadata of the record, from <see cref="ConfigurationJson"/>.</param>
    /// <param name="adapterType">The same of the adapter's.</param>
    /// <param name="apply">Puts both into the configuration; the adapter's record is null when the file names none.</param>
    /// <param name="applyHosts">Puts the module's record and an adapter of the host into the configuration.</param>
    public static ModuleBinding Options<T, TAdapter>(
        JsonTypeInfo<T> type,
        JsonTypeInfo<TAdapter> adapterType,
        Func<EngineConfiguration, T, AdapterDescriptor, TAdapter?, EngineConfiguration> apply,
        Func<EngineConfiguration, T, BrokerOptions, EngineConfiguration> applyHosts)
        where T : class, IValidatableOptions
        where TAdapter : class, IValidatableOptions => new OptionsOf<T, TAdapter>(type, adapterType, apply, applyHosts);

    /// <summary>Reads a module's configuration. The configuration comes back unchanged when that gave errors.</summary>
    public abstract EngineConfiguration Apply(
        EngineConfiguration configuration, ModuleEntry entry, OptionsBinder binder, ErrorLog errors);

    private sealed class NoOptions : ModuleBinding
    {
        public override EngineConfiguration Apply(
            EngineConfiguration configuration, ModuleEntry entry, OptionsBinder binder, ErrorLog errors) => configuration;
    }

    private sealed class OptionsOf<T>(
        JsonTypeInfo<T> type, Func<EngineConfiguration, T, AdapterChoice?, EngineConfiguration> apply)
        : ModuleBinding
        where T : class, IValidatableOptions
    {
        public override EngineConfiguration Apply(
            EngineConfiguration configuration, ModuleEntry entry, OptionsBinder binder, ErrorLog errors)
        {
            var hasAdapter = entry.Module.Adapters.Count > 0;
            var options = binder.Bind(
                entry.Config, entry.Path + ".config", type, key => hasAdapter && key == ModuleList.AdapterKey);
            return options is null ? configuration : apply(configuration, options, entry.Adapter);
        }
    }

    private sealed class OptionsOf<T, TAdapter>(
        JsonTypeInfo<T> type,
        JsonTypeInfo<TAdapter> adapterType,
        Func<EngineConfiguration, T, AdapterDescriptor, TAdapter?, EngineConfiguration> apply,
        Func<EngineConfiguration, T, BrokerOptions, EngineConfiguration> applyHosts)
        : ModuleBinding
        where T : class, IValidatableOptions
        where TAdapter : class, IValidatableOptions
    {
        public override EngineConfiguration Apply(
            EngineConfiguration configuration, ModuleEntry entry, OptionsBinder binder, ErrorLog errors)
        {
            var path = entry.Path + ".config";
            var options = binder.Bind(entry.Config, path, type, static key => key == ModuleList.AdapterKey);
            if (entry.Adapter is { Adapter: { IsHosts: true, Name: var name } } hosts)
            {
                var broker = BrokerSection.ReadOf(name, hosts.Config, $"{path}.adapter.config", binder, errors);
                return options is null ? configuration : applyHosts(configuration, options, broker);
            }

            var adapter = entry.Adapter is { IsNamed: true } named ? binder.Bind(named.Config, $"{path}.adapter.config", adapterType) : null;
            return options is null || entry.Adapter is null ? configuration : apply(configuration, options, entry.Adapter.Adapter, adapter);
        }
    }
}
