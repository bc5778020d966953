namespace Iii.Engine.Configuration;

/// <summary>
/// Reads the two lists of modules: <c>modules</c> with classes, and <c>workers</c> with the names of the later style.
/// </summary>
/// <param name="errors">Where all that is wrong is reported.</param>
/// <param name="hostAdapters">The names of the host's adapters.</param>
internal sealed class ModuleList(ErrorLog errors, IReadOnlyList<string> hostAdapters)
{
    public const string AdapterKey = "adapter";

    private const string ClassKey = "class";
    private const string NameKey = "name";
    private const string ConfigKey = "config";

    private readonly List<ModuleEntry> _entries = [];

    public IReadOnlyList<ModuleEntry> Entries => _entries;

    public ModuleEntry? Find(ModuleKind kind) => _entries.Find(entry => entry.Module.Kind == kind);

    public void ReadModules(ConfigurationNode list) => Read(list, "modules", ClassKey);

    public void ReadWorkers(ConfigurationNode list) => Read(list, "workers", NameKey);

    private void Read(ConfigurationNode list, string path, string identityKey)
    {
        if (list is ScalarNode { Kind: ScalarKind.Null } or ScalarNode { IsUnresolved: true })
        {
            return;
        }

        if (list is not SequenceNode sequence)
        {
            errors.Error(list.Offset, $"{path}: expected a list of entries '- {identityKey}: ...', got {list.Description}");
            return;
        }

        for (var i = 0; i < sequence.Items.Count; i++)
        {
            ReadEntry(sequence.Items[i], $"{path}[{i}]", identityKey);
        }
    }

    private void ReadEntry(ConfigurationNode item, string path, string identityKey)
    {
        if (item is not MappingNode mapping)
        {
            ReportNotMapping(item, path, identityKey);
            return;
        }

        CheckKeys(mapping, path, [identityKey, ConfigKey]);
        if (!mapping.TryGet(identityKey, out var identity))
        {
            if (!mapping.HasUnresolvedKey)
            {
                errors.Error(mapping.Offset, $"{path}: no '{identityKey}', which says what module this is");
            }

            return;
        }

        if (FindModule(identity, path, identityKey) is { } module)
        {
            mapping.TryGet(ConfigKey, out var config);
            Add(new ModuleEntry(module, path, identity.Offset, config, ReadAdapter(module, config, $"{path}.{ConfigKey}")));
        }
    }

    private void Add(ModuleEntry entry)
    {
        if (!entry.Module.IsBuilt)
        {
            errors.Error(
                entry.Offset,
                $"{entry.Path}: {entry.Module.Class} (line {errors.Source.Line(entry.Offset)}) is known but this version does not "
                + "include it yet; remove the entry. Built: "
                + string.Join(", ", ModuleCatalog.All.Where(module => module.IsBuilt).Select(module => module.Class)) + ".");
        }

        if (!entry.Module.MayRepeat && Find(entry.Module.Kind) is { } first)
        {
            var line = errors.Source.Line(entry.Offset);
            var firstLine = errors.Source.Line(first.Offset);
            errors.Error(
                entry.Offset,
                $"{entry.Path}: {entry.Module.Class} can be listed only once, but it is in line {firstLine} and in line {line}; "
                + "remove one of the two");
            return;
        }

        _entries.Add(entry);
    }

    private ModuleDescriptor? FindModule(ConfigurationNode identity, string path, string identityKey)
    {
        if (ReadName(identity, $"{path}.{identityKey}") is not { } name)
        {
            return null;
        }

        var module = ModuleCatalog.Find(name);
        if (module is null)
        {
            var known = identityKey == ClassKey
                ? ModuleCatalog.All.Select(module => module.Class)
                : ModuleCatalog.All.Select(module => module.LaterName).OfType<string>();
            errors.Error(
                identity.Offset,
                $"{path}.{identityKey}: unknown module {DisplayText.Quote(name)}"
                + NearName.Hint(name, ModuleCatalog.All.SelectMany(module => module.AllNames))
                + $" Known modules: {string.Join(", ", known)}.");
        }

        return module;
    }

    private AdapterChoice? ReadAdapter(ModuleDescriptor module, ConfigurationNode? config, string path)
    {
        if (module.DefaultAdapter is not { } fallback)
        {
            return null;
        }

        if (config is not MappingNode mapping || !mapping.TryGet(AdapterKey, out var node)
            || node is ScalarNode { Kind: ScalarKind.Null } or ScalarNode { IsUnresolved: true })
        {
            return new AdapterChoice(fallback, null, IsNamed: false);
        }

        path = $"{path}.{AdapterKey}";
        if (node is not MappingNode adapter)
        {
            ReportNotMapping(node, path, ClassKey);
            return null;
        }

        CheckKeys(adapter, path, [ClassKey, NameKey, ConfigKey]);
        return new AdapterChoice(FindAdapter(module, adapter, path) ?? fallback, ReadAdapterConfig(adapter, path), IsNamed: true);
    }

    private AdapterDescriptor? FindAdapter(ModuleDescriptor module, MappingNode adapter, string path)
    {
        var hasClass = adapter.TryGet(ClassKey, out var identity);
        if (adapter.TryGet(NameKey, out var name))
        {
            if (hasClass)
            {
                errors.Error(name.Offset, $"{path}: 'class' and 'name' both say which adapter this is; remove one of the two");
                return null;
            }

            identity = name;
        }

        var adapters = AdaptersOf(module);
        var known = adapters.Select(static known => known.IsHosts ? known.Name : $"{known.Class} ({known.Name})");
        if (identity is null)
        {
            errors.Error(
                adapter.Offset,
                $"{path}: no 'class', which says what adapter this is. Adapters of {module.Class}: {string.Join(", ", known)}.");
            return null;
        }

        if (ReadName(identity, $"{path}.{(hasClass ? ClassKey : NameKey)}") is not { } written)
        {
            return null;
        }

        var found = adapters.FirstOrDefault(candidate => candidate.AllNames.Contains(written));
        if (found is null)
        {
            errors.Error(
                identity.Offset,
                $"{path}: {module.Class} has no adapter {DisplayText.Quote(written)}"
                + NearName.Hint(written, adapters.SelectMany(candidate => candidate.AllNames))
                + $" Its adapters: {string.Join(", ", known)}.");
        }

        return found;
    }

    /// <summary>The module's own adapters, and those of the host that are not among them already.</summary>
    private IReadOnlyList<AdapterDescriptor> AdaptersOf(ModuleDescriptor module) => !module.TakesHostAdapters
        ? module.Adapters
        :
        [
            .. module.Adapters,
            .. hostAdapters.Where(name => !module.Adapters.Any(adapter => adapter.AllNames.Contains(name)))
                .Select(static name => new AdapterDescriptor(name, name) { IsHosts = true }),
        ];

    private MappingNode? ReadAdapterConfig(MappingNode adapter, string path)
    {
        if (adapter.TryGet(ConfigKey, out var config)
            && config is not (MappingNode or ScalarNode { Kind: ScalarKind.Null } or ScalarNode { IsUnresolved: true }))
        {
            errors.Error(config.Offset, $"{path}.{ConfigKey}: expected a mapping, got {config.Description}");
        }

        return config as MappingNode;
    }

    private string? ReadName(ConfigurationNode node, string path)
    {
        if (node is ScalarNode { IsUnresolved: true })
        {
            return null;
        }

        if (node is ScalarNode { Kind: not ScalarKind.Null } scalar)
        {
            return scalar.Text;
        }

        errors.Error(node.Offset, $"{path}: expected a name, got {node.Description}");
        return null;
    }

    private void ReportNotMapping(ConfigurationNode node, string path, string identityKey)
    {
        if (node is not ScalarNode { IsUnresolved: true })
        {
            errors.Error(node.Offset, $"{path}: expected a mapping with '{identityKey}' and 'config', got {node.Description}");
        }
    }

    private void CheckKeys(MappingNode mapping, string path, string[] known)
    {
        foreach (var (key, _) in mapping.Entries)
        {
            if (!known.Contains(key.Text))
            {
                errors.Error(key.Offset, KeyMessages.Unknown(path, key.Text, known));
            }
        }
    }
}
