namespace Iii.Engine.Configuration;

/// <summary>One adapter that a module can stand on.</summary>
/// <param name="Name">The short name of the later style, by which code knows it too: <c>redis</c>.</param>
/// <param name="Class">The class name.</param>
/// <param name="Aliases">Other names it is accepted by.</param>
internal sealed record AdapterDescriptor(string Name, string Class, params string[] Aliases)
{
    /// <summary>Whether the host brings it: then the host knows what its configuration means.</summary>
    public bool IsHosts { get; init; }

    public IEnumerable<string> AllNames => [Class, Name, .. Aliases];
}

/// <summary>The adapter a module's configuration asks for.</summary>
/// <param name="Adapter">Which one; the module's default when the file names none.</param>
/// <param name="Config">Its own settings as written, for the adapter to read; null when there are none.</param>
/// <param name="IsNamed">Whether the file names it.</param>
internal sealed record AdapterChoice(AdapterDescriptor Adapter, MappingNode? Config, bool IsNamed);
