using System.Diagnostics.CodeAnalysis;
using Iii.Engine.Hosting;

namespace Iii.Engine.Configuration;

/// <summary>Reads <c>broker</c>: the options that every adapter has, and the settings of the one that is named.</summary>
internal static class BrokerSection
{
    public const string Key = "broker";

    /// <summary>The options, or the defaults when something is wrong.</summary>
    public static BrokerOptions Read(ConfigurationNode node, OptionsBinder binder, ErrorLog errors)
    {
        // Which further keys there may be, the adapter knows.
        var options = binder.Bind(node, Key, ConfigurationJson.Default.BrokerOptions, static _ => true) ?? new BrokerOptions();
        if (node is not MappingNode mapping)
        {
            return options;
        }

        var common = OptionsBinder.OptionsOf(ConfigurationJson.Default.BrokerOptions).Select(static property => property.Name).ToList();
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in mapping.Entries)
        {
            if (!common.Contains(key.Text) && TryReadText(key.Text, value, errors, out var text))
            {
                settings[key.Text] = text;
            }
        }

        return options with { Settings = settings };
    }

    private static bool TryReadText(string key, ConfigurationNode value, ErrorLog errors, [NotNullWhen(true)] out string? text)
    {
        text = null;
        switch (value)
        {
            case ScalarNode { IsUnresolved: true }:
                return false;
            case ScalarNode { Kind: ScalarKind.Null }:
                errors.Error(value.Offset, $"{Key}.{DisplayText.Clip(key)}: expected a value, got no value; write one or remove the key");
                return false;
            case ScalarNode scalar:
                text = scalar.Text;
                return true;
            default:
                errors.Error(value.Offset, $"{Key}.{DisplayText.Clip(key)}: expected a single value, got {value.Description}");
                return false;
        }
    }
}
