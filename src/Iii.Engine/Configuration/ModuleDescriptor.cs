namespace Iii.Engine.Configuration;

/// <summary>What the configuration has to know of one module.</summary>
/// <param name="Kind">Which module it is.</param>
/// <param name="Class">The class name, which messages call it by.</param>
internal sealed record ModuleDescriptor(ModuleKind Kind, string Class)
{
    /// <summary>
    /// The name of the later style, <c>iii-http</c>; it is accepted without <c>iii-</c> too. Null when it has none.
    /// </summary>
    public string? LaterName { get; init; }

    /// <summary>Other class names it is accepted by.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Its adapters, the default first; empty for a module that has no <c>adapter</c>.</summary>
    public IReadOnlyList<AdapterDescriptor> Adapters { get; init; } = [];

    /// <summary>Whether it can stand on adapters of the host, too.</summary>
    public bool TakesHostAdapters { get; init; }

    /// <summary>Whether it may be listed more than once.</summary>
    public bool MayRepeat { get; init; }

    /// <summary>How its configuration becomes options; null while the module is known but not built.</summary>
    public ModuleBinding? Binding { get; init; }

    public bool IsBuilt => Binding is not null;

    public AdapterDescriptor? DefaultAdapter => Adapters.Count == 0 ? null : Adapters[0];

    public IEnumerable<string> LaterNames => LaterName is null ? [] : [LaterName, LaterName["iii-".Length..]];

    public IEnumerable<string> AllNames => [Class, .. Aliases, .. LaterNames];
}
