using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Iii.Engine.Configuration;

/// <summary>
/// Turns a part of the tree into an options record. It compares the tree with the record's JSON metadata, so that each difference
/// is reported at its place; what is right goes through the source-generated deserializer.
/// </summary>
/// <param name="errors">Where differences are reported.</param>
/// <param name="createDefault">Makes the defaults of an options type; they stand in for all that is missing or wrong.</param>
internal sealed class OptionsBinder(ErrorLog errors, Func<Type, object> createDefault)
{
    /// <summary>The properties that are options; the metadata also lists those that JSON is told to ignore.</summary>
    public static IEnumerable<JsonPropertyInfo> OptionsOf(JsonTypeInfo type) => type.Properties.Where(static property => property.Get is not null);

    /// <summary>Binds a mapping, or nothing at all, to options; null when that gave an error.</summary>
    /// <param name="node">The value in the file; null, or a value left empty, means all defaults.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="type">The options type.</param>
    /// <param name="isReservedKey">Keys of the mapping that are somebody else's; null for none.</param>
    public T? Bind<T>(ConfigurationNode? node, string path, JsonTypeInfo<T> type, Func<string, bool>? isReservedKey = null)
        where T : class, IValidatableOptions
    {
        if (node is null or ScalarNode { Kind: ScalarKind.Null })
        {
            return (T)createDefault(typeof(T));
        }

        var isUsable = TryReadObject(node, path, type, isReservedKey, out var json);
        if (json is null)
        {
            return null;
        }

        var options = json.Deserialize(type)!;
        foreach (var error in options.Validate())
        {
            errors.Error(OptionPath.Find(node, error.Path), $"{path}.{error.Path}: {error.Message}");
            isUsable = false;
        }

        return isUsable ? options : null;
    }

    /// <summary>Reads a mapping. What is wrong in it is replaced by its default, so that the rest can still be checked.</summary>
    private bool TryReadObject(
        ConfigurationNode node, string path, JsonTypeInfo type, Func<string, bool>? isReservedKey, out JsonObject? json)
    {
        json = null;
        if (node is not MappingNode mapping)
        {
            return Expected(node, path, "a mapping");
        }

        var isUsable = CheckKeys(mapping, path, type, isReservedKey);
        var defaults = createDefault(type.Type);
        json = [];
        foreach (var property in OptionsOf(type))
        {
            // A missing value must be written too: an init-only property that JSON does not mention loses its default.
            if (mapping.TryGet(property.Name, out var value))
            {
                var isRead = TryRead(value, $"{path}.{property.Name}", property, out var read);
                isUsable &= isRead;
                json[property.Name] = isRead ? read : Default(property, defaults);
            }
            else
            {
                json[property.Name] = Default(property, defaults);
            }
        }

        return isUsable;
    }

    private static JsonNode? Default(JsonPropertyInfo property, object defaults) =>
        JsonSerializer.SerializeToNode(property.Get!(defaults), property.Options.GetTypeInfo(property.PropertyType));

    private bool CheckKeys(MappingNode mapping, string path, JsonTypeInfo type, Func<string, bool>? isReservedKey)
    {
        var known = OptionsOf(type).Select(property => property.Name).ToList();
        var isTolerant = type.UnmappedMemberHandling == JsonUnmappedMemberHandling.Skip;
        var isUsable = true;
        foreach (var (key, _) in mapping.Entries)
        {
            if (known.Contains(key.Text) || isReservedKey?.Invoke(key.Text) == true)
            {
                continue;
            }

            if (!isTolerant)
            {
                errors.Error(key.Offset, KeyMessages.Unknown(path, key.Text, known));
                isUsable = false;
            }
            else if (NearName.Find(key.Text, known) is not null)
            {
                errors.Warn(key.Offset, KeyMessages.Unknown(path, key.Text, known) + " It is ignored.");
            }
        }

        return isUsable;
    }

    private bool TryRead(ConfigurationNode node, string path, JsonPropertyInfo property, out JsonNode? read)
    {
        if (node is ScalarNode { Kind: ScalarKind.Null })
        {
            read = null;
            return property.IsSetNullable
                || Expected(node, path, Wanted(property.PropertyType, property.Options), "; write one or remove the key");
        }

        return TryRead(node, path, property.Options.GetTypeInfo(property.PropertyType), out read);
    }

    private bool TryRead(ConfigurationNode node, string path, JsonTypeInfo type, out JsonNode? read)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                var isUsable = TryReadObject(node, path, type, null, out var json);
                read = json;
                return isUsable;
            case JsonTypeInfoKind.Dictionary:
                return TryReadEntries(node, path, type.Options.GetTypeInfo(type.ElementType!), out read);
            case JsonTypeInfoKind.Enumerable:
                return TryReadList(node, path, type.Options.GetTypeInfo(type.ElementType!), out read);
            default:
                read = null;
                return node is ScalarNode { IsUnresolved: false } scalar
                    ? TryReadScalar(scalar, path, type, out read)
                    : Expected(node, path, Wanted(type.Type, type.Options));
        }
    }

    private bool TryReadList(ConfigurationNode node, string path, JsonTypeInfo elementType, out JsonNode? read)
    {
        read = null;
        if (node is not SequenceNode sequence)
        {
            return Expected(node, path, "a list, such as [a, b]");
        }

        var list = new JsonArray();
        var isUsable = true;
        for (var i = 0; i < sequence.Items.Count; i++)
        {
            isUsable &= TryRead(sequence.Items[i], $"{path}[{i}]", elementType, out var item);
            list.Add(item);
        }

        read = list;
        return isUsable;
    }

    private bool TryReadEntries(ConfigurationNode node, string path, JsonTypeInfo valueType, out JsonNode? read)
    {
        read = null;
        if (node is not MappingNode mapping)
        {
            return Expected(node, path, "a mapping from names to values");
        }

        var entries = new JsonObject();
        var isUsable = true;
        foreach (var (key, value) in mapping.Entries)
        {
            // An entry left empty has all its defaults.
            var isEmpty = value is ScalarNode { Kind: ScalarKind.Null } && valueType.Kind == JsonTypeInfoKind.Object;
            isUsable &= TryRead(
                isEmpty ? new MappingNode(value.Offset, [], hasUnresolvedKey: false) : value, $"{path}.{key.Text}", valueType, out var entry);
            entries[key.Text] = entry;
        }

        read = entries;
        return isUsable;
    }

    private bool TryReadScalar(ScalarNode scalar, string path, JsonTypeInfo type, out JsonNode? read)
    {
        var target = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        read = null;
        if (target.IsEnum)
        {
            return TryReadName(scalar, path, target, out read);
        }

        if (target == typeof(string))
        {
            read = scalar.Kind == ScalarKind.Null ? null : JsonValue.Create(scalar.Text);
            return read is not null || Expected(scalar, path, "text");
        }

        if (target == typeof(bool))
        {
            if (CoreSchema.KindOf(scalar.Text) != ScalarKind.Boolean)
            {
                return Expected(scalar, path, "true or false");
            }

            read = JsonValue.Create(scalar.Text[0] is 't' or 'T');
            return true;
        }

        return target == typeof(double)
            ? TryReadNumber(scalar, path, out read)
            : TryReadInteger(scalar, path, IntegerRange(target), out read);
    }

    private bool TryReadNumber(ScalarNode scalar, string path, out JsonNode? read)
    {
        read = null;
        if (CoreSchema.KindOf(scalar.Text) is not (ScalarKind.Integer or ScalarKind.Float)
            || !CoreSchema.TryReadNumber(scalar.Text, out var value))
        {
            return Expected(scalar, path, "a number");
        }

        read = JsonValue.Create(value);
        return true;
    }

    private bool TryReadInteger(ScalarNode scalar, string path, (long Minimum, long Maximum) range, out JsonNode? read)
    {
        read = null;
        if (CoreSchema.KindOf(scalar.Text) != ScalarKind.Integer)
        {
            return Expected(scalar, path, "a whole number");
        }

        if (!CoreSchema.TryReadInteger(scalar.Text, out var value) || value < range.Minimum || value > range.Maximum)
        {
            return Report(
                scalar,
                path,
                $"{DisplayText.Clip(scalar.Text)} is out of range; write a number from {range.Minimum} to {range.Maximum}");
        }

        read = JsonValue.Create(value);
        return true;
    }

    private bool TryReadName(ScalarNode scalar, string path, Type type, out JsonNode? read)
    {
        var name = Array.Find(Enum.GetNames(type), name => NameInFile(name) == scalar.Text);
        read = name is null ? null : JsonValue.Create(name);
        return name is not null
            || Expected(scalar, path, Wanted(type, null), NearName.Hint(scalar.Text, NamesInFile(type)));
    }

    private bool Expected(ConfigurationNode node, string path, string wanted, string advice = "") =>
        Report(node, path, $"expected {wanted}, got {node.Description}{advice}");

    private bool Report(ConfigurationNode node, string path, string message)
    {
        // A variable without a value is reported already; what stands in its place means nothing.
        if (node is not ScalarNode { IsUnresolved: true })
        {
            errors.Error(node.Offset, $"{path}: {message}");
        }

        return false;
    }

    private static (long Minimum, long Maximum) IntegerRange(Type type) =>
        type == typeof(int) ? (int.MinValue, int.MaxValue)
        : type == typeof(long) ? (long.MinValue, long.MaxValue)
        : throw new NotSupportedException(
            $"An option cannot be of type {type}; use string, bool, int, long, double, an enum, a list or a record.");

    private static string Wanted(Type type, JsonSerializerOptions? options)
    {
        var target = Nullable.GetUnderlyingType(type) ?? type;
        return target.IsEnum ? "one of " + string.Join(", ", NamesInFile(target).Select(DisplayText.Quote))
            : target == typeof(string) ? "text"
            : target == typeof(bool) ? "true or false"
            : target == typeof(double) ? "a number"
            : target == typeof(int) || target == typeof(long) ? "a whole number"
            : options?.GetTypeInfo(target).Kind == JsonTypeInfoKind.Enumerable ? "a list"
            : "a mapping";
    }

    private static IEnumerable<string> NamesInFile(Type type) => Enum.GetNames(type).Select(NameInFile);

    private static string NameInFile(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
