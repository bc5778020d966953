namespace Iii.Engine.Configuration;

/// <summary>One entry of the file's lists, its module recognised.</summary>
/// <param name="Module">The module.</param>
/// <param name="Path">Where it is: <c>modules[0]</c>.</param>
/// <param name="Offset">Where the name of its module is in the file.</param>
/// <param name="Config">Its configuration as written; null when it has none.</param>
/// <param name="Adapter">The adapter it asks for, or the module's default; null for a module without adapters.</param>
internal sealed record ModuleEntry(
    ModuleDescriptor Module, string Path, int Offset, ConfigurationNode? Config, AdapterChoice? Adapter);
