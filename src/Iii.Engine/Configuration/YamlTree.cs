using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Iii.Engine.Configuration;

/// <summary>Builds our own tree of a YAML document from the parser's events, within bounds.</summary>
internal sealed class YamlTree
{
    /// <summary>Levels of lists and mappings, the root included. It also bounds every recursion over a tree.</summary>
    public const int MaxNesting = 64;

    /// <summary>Nodes of a tree, each alias counted as what it stands for.</summary>
    public const int MaxNodes = 100_000;

    public const string TooDeep = "lists and mappings are nested too deeply; 64 levels are the limit";

    /// <summary>For what the parser has no words of its own.</summary>
    public const string CannotGoOn =
        "this is not YAML: the text cannot go on like this; is a bracket, a brace or a quote before it not closed?";

    private const string CoreTagPrefix = "tag:yaml.org,2002:";

    private readonly VariableExpansion _expansion;
    private readonly ErrorLog _errors;
    private readonly Parser _parser;
    private readonly Dictionary<string, ConfigurationNode> _anchors = new(StringComparer.Ordinal);
    private int _nodes;

    private YamlTree(VariableExpansion expansion, ErrorLog errors)
    {
        _expansion = expansion;
        _errors = errors;
        _parser = new Parser(new StringReader(expansion.Text));
    }

    /// <summary>Reads the one document of a file; null when an error keeps it from being read.</summary>
    public static ConfigurationNode? Read(VariableExpansion expansion, ErrorLog errors)
    {
        var tree = new YamlTree(expansion, errors);
        try
        {
            return tree.ReadDocument();
        }
        catch (YamlException exception)
        {
            errors.Error(expansion.ToSource(exception.Start.Index), Describe(exception.Message));
            return null;
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // What this parser throws for content after the end of a document, among others.
            errors.Error(expansion.ToSource(tree._parser.Current?.End.Index ?? 0), CannotGoOn);
            return null;
        }
    }

    /// <summary>The parser's own words for a mistake, as part of a message.</summary>
    public static string Describe(string message) =>
        "this is not YAML: " + DisplayText.Clip(message.Length == 0 ? message : char.ToLowerInvariant(message[0]) + message[1..]);

    /// <summary>
    /// The first character that YAML forbids or that is kept for the expansion of variables; -1 when there is none.
    /// </summary>
    public static int IndexOfForbidden(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is (< ' ' and not ('\t' or '\n' or '\r')) or '\u007F' or '\uFFFE' or '\uFFFF')
            {
                return i;
            }
        }

        return Math.Max(IndexOfLoneSurrogate(text), VariableExpansion.IndexOfReservedCharacter(text));
    }

    private static int IndexOfLoneSurrogate(ReadOnlySpan<char> text)
    {
        for (var i = text.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]))
            {
                if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
                {
                    return i;
                }

                i++;
            }
        }

        return -1;
    }

    private ConfigurationNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _))
        {
            _errors.Error(
                0, "the file is empty; write 'modules: []' for an engine without modules, or remove the file for the defaults");
            return null;
        }

        var root = ReadNode(1);
        if (root is not null && _parser.TryConsume<DocumentEnd>(out _) && _parser.TryConsume<DocumentStart>(out var second))
        {
            _errors.Error(Offset(second), "a second document starts here; a configuration is one document");
            return null;
        }

        return root;
    }

    /// <summary>Reads the next node; null when a bound is reached, which ends the reading.</summary>
    private ConfigurationNode? ReadNode(int depth)
    {
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return ReadAlias(alias, depth);
        }

        var start = _parser.Consume<NodeEvent>();
        if (depth > MaxNesting)
        {
            _errors.Error(Offset(start), TooDeep);
            return null;
        }

        if (!Count(1, start))
        {
            return null;
        }

        CheckTag(start);
        ConfigurationNode? node = start switch
        {
            Scalar scalar => ReadScalar(scalar),
            SequenceStart => ReadSequence(Offset(start), depth),
            _ => ReadMapping(Offset(start), depth),
        };
        if (node is not null && !start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor.Value] = node;
        }

        return node;
    }

    private ConfigurationNode? ReadAlias(AnchorAlias alias, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out var target))
        {
            _errors.Error(Offset(alias), $"no anchor '&{DisplayText.Clip(alias.Value.Value)}' ends before this alias");
            return null;
        }

        if (depth - 1 + target.Height > MaxNesting)
        {
            _errors.Error(Offset(alias), TooDeep);
            return null;
        }

        return Count(target.Size, alias) ? target : null;
    }

    private ScalarNode ReadScalar(Scalar scalar)
    {
        var isComplete = _expansion.Resolve(scalar.Value, out var text);
        if (IndexOfLoneSurrogate(text) >= 0)
        {
            _errors.Error(Offset(scalar), "half of a surrogate pair is not a character");
            isComplete = false;
        }

        var isText = scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any) || IsTextTag(scalar.Tag);
        var kind = isText || !isComplete ? ScalarKind.Text : CoreSchema.KindOf(text);
        return new ScalarNode(Offset(scalar), text, kind, !isComplete);
    }

    private SequenceNode? ReadSequence(int offset, int depth)
    {
        var items = new List<ConfigurationNode>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            if (ReadNode(depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return new SequenceNode(offset, items);
    }

    private MappingNode? ReadMapping(int offset, int depth)
    {
        var entries = new List<MappingEntry>();
        var hasUnresolvedKey = false;
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var isPlainKey = _parser.Accept<Scalar>(out var written) && written.Style == ScalarStyle.Plain;
            if (ReadNode(depth + 1) is not { } key || ReadNode(depth + 1) is not { } value)
            {
                return null;
            }

            if (key is not ScalarNode name)
            {
                _errors.Error(key.Offset, $"a key must be a single name, but this is {key.Description}");
            }
            else if (name.IsUnresolved)
            {
                hasUnresolvedKey = true;
            }
            else if (isPlainKey && name.Text == "<<")
            {
                _errors.Error(
                    name.Offset, "merge keys ('<<') are not supported; repeat the keys, or give the whole value an anchor");
            }
            else if (!places.TryAdd(name.Text, name.Offset))
            {
                _errors.Error(
                    name.Offset,
                    $"key {DisplayText.Quote(name.Text)} is already given in line {_errors.Source.Line(places[name.Text])}");
            }
            else
            {
                entries.Add(new MappingEntry(name, value));
            }
        }

        return new MappingNode(offset, entries, hasUnresolvedKey);
    }

    private bool Count(int nodes, ParsingEvent at)
    {
        _nodes += nodes;
        if (_nodes > MaxNodes)
        {
            _errors.Error(Offset(at), $"the file has more than {MaxNodes} values, counting each alias as what it stands for");
            return false;
        }

        return true;
    }

    private void CheckTag(NodeEvent node)
    {
        if (node.Tag.IsEmpty || node.Tag.IsNonSpecific)
        {
            return;
        }

        var isKnown = node.Tag.Value.StartsWith(CoreTagPrefix, StringComparison.Ordinal)
            && node.Tag.Value[CoreTagPrefix.Length..] is "str" or "int" or "float" or "bool" or "null" or "seq" or "map";
        if (!isKnown)
        {
            _errors.Error(Offset(node), $"tag {DisplayText.Quote(node.Tag.Value)} is not supported; remove it");
        }
    }

    private static bool IsTextTag(TagName tag) => tag.IsNonSpecific || (!tag.IsEmpty && tag.Value == CoreTagPrefix + "str");

    private int Offset(ParsingEvent at) => _expansion.ToSource(at.Start.Index);
}
