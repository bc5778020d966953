using System.Diagnostics.CodeAnalysis;

namespace Iii.Engine.Configuration;

/// <summary>A value of the file, with its place in it.</summary>
/// <param name="offset">Where it starts in the file as written.</param>
/// <param name="size">How many nodes it has, itself included, each alias counted as what it stands for.</param>
/// <param name="height">How many levels it has, itself included.</param>
internal abstract class ConfigurationNode(int offset, int size, int height)
{
    public int Offset => offset;

    public int Size => size;

    public int Height => height;

    /// <summary>What it is, for a message: "a list", "the text 'x'".</summary>
    public abstract string Description { get; }
}

internal enum ScalarKind
{
    Null,
    Boolean,
    Integer,
    Float,
    Text,
}

/// <summary>A single value.</summary>
/// <param name="offset">Where it starts in the file as written.</param>
/// <param name="text">The value without quotes, variables put in.</param>
/// <param name="kind">What YAML takes it for.</param>
/// <param name="isUnresolved">
/// Whether a variable in it has no value. That is reported already, and the value means nothing.
/// </param>
internal sealed class ScalarNode(int offset, string text, ScalarKind kind, bool isUnresolved) : ConfigurationNode(offset, 1, 1)
{
    public string Text => text;

    public ScalarKind Kind => kind;

    public bool IsUnresolved => isUnresolved;

    public override string Description => kind switch
    {
        ScalarKind.Null => "no value",
        ScalarKind.Text => $"the text {DisplayText.Quote(text)}",
        _ => DisplayText.Clip(text),
    };
}

internal sealed class SequenceNode(int offset, IReadOnlyList<ConfigurationNode> items)
    : ConfigurationNode(offset, 1 + items.Sum(item => item.Size), 1 + items.Select(item => item.Height).DefaultIfEmpty().Max())
{
    public IReadOnlyList<ConfigurationNode> Items => items;

    public override string Description => "a list";
}

internal sealed record MappingEntry(ScalarNode Key, ConfigurationNode Value);

internal sealed class MappingNode(int offset, IReadOnlyList<MappingEntry> entries, bool hasUnresolvedKey) : ConfigurationNode(
    offset,
    1 + entries.Sum(entry => 1 + entry.Value.Size),
    1 + entries.Select(entry => entry.Value.Height).DefaultIfEmpty(1).Max())
{
    public IReadOnlyList<MappingEntry> Entries => entries;

    public override string Description => "a mapping";

    /// <summary>
    /// Whether a key is not known because its variable has no value, so that a key which seems missing may be there.
    /// </summary>
    public bool HasUnresolvedKey => hasUnresolvedKey;

    public bool TryGet(string key, [NotNullWhen(true)] out ConfigurationNode? value)
    {
        value = entries.FirstOrDefault(entry => entry.Key.Text == key)?.Value;
        return value is not null;
    }
}
