using System.Diagnostics.CodeAnalysis;
using Iii.Engine.Hosting;

namespace Iii.Engine.Configuration;

/// <summary>
/// Reads <c>broker</c>, or another place with the same keys: the options that every adapter has, and the settings of the one that is named.
/// </summary>
internal static class BrokerSection
{
    public const string Key = "broker";

    private const string AdapterKey = "adapter";

    /// <summary>The same, of an adapter whose name does not stand among the keys.</summary>
    public static BrokerOptions ReadOf(string adapter, MappingNode? config, string path, OptionsBinder binder, ErrorLog errors)
    {
        if (config is not null && config.TryGet(AdapterKey, out var again))
        {
            errors.Error(again.Offset, $"{path}.{AdapterKey}: the adapter is named beside 'config' already; remove the key");
        }

        var offset = config?.Offset ?? 0;
        var named = new MappingEntry(
            new ScalarNode(offset, AdapterKey, ScalarKind.Text, isUnresolved: false), new ScalarNode(offset, adapter, ScalarKind.Text, isUnresolved: false));
        return Read(new MappingNode(offset, [named, .. config?.Entries ?? []], config?.HasUnresolvedKey ?? false), path, binder, errors);
    }

    /// <summary>The options, or the defaults when something is wrong.</summary>
    /// <param name="node">What is written.</param>
    /// <param name="path">Where.</param>
    /// <param name="binder">Binds what all adapters have.</param>
    /// <param name="errors">Where all that is wrong is reported.</param>
    public static BrokerOptions Read(ConfigurationNode node, string path, OptionsBinder binder, ErrorLog errors)
    {
        // Which further keys there may be, the adapter knows.
        var options = binder.Bind(node, path, ConfigurationJson.Default.BrokerOptions, static _ => true) ?? new BrokerOptions();
        if (node is not MappingNode mapping)
        {
            return options;
        }

        var common = OptionsBinder.OptionsOf(ConfigurationJson.Default.BrokerOptions).Select(static property => property.Name).ToList();
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in mapping.Entries)
        {
            if (!common.Contains(key.Text) && TryReadText($"{path}.{DisplayText.Clip(key.Text)}", value, errors, out var text))
            {
                settings[key.Text] = text;
            }
        }

        return options with { Settings = settings, Section = path };
    }

    private static bool TryReadText(string path, ConfigurationNode value, ErrorLog errors, [NotNullWhen(true)] out string? text)
    {
        text = null;
        switch (value)
        {
            case ScalarNode { IsUnresolved: true }:
                return false;
            case ScalarNode { Kind: ScalarKind.Null }:
                errors.Error(value.Offset, $"{path}: expected a value, got no value; write one or remove the key");
                return false;
            case ScalarNode scalar:
                text = scalar.Text;
                return true;
            default:
                errors.Error(value.Offset, $"{path}: expected a single value, got {value.Description}");
                return false;
        }
    }
}
