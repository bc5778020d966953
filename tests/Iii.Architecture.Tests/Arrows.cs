namespace Iii.Architecture.Tests;

/// <summary>The directions in which projects may reference each other (docs/architecture.md).</summary>
internal static class Arrows
{
    private const string Anything = "*";

    /// <summary>The one adapter that cannot be compiled ahead of time: the command that can be must not reference it.</summary>
    private const string MassTransit = "Iii.Adapters.MassTransit";

    private static readonly Dictionary<string, string[]> s_shipped = new()
    {
        ["Iii.Protocol"] = [],
        ["Iii.Broker"] = [],
        ["Iii.Engine"] = ["Iii.Broker", "Iii.Protocol"],
        ["Iii.Sdk"] = ["Iii.Protocol"],
        ["Iii.Sdk.Hosting"] = ["Iii.Sdk"],
        ["Iii.Cli"] = [Anything],
        ["Iii.Cli.MassTransit"] = ["Iii.Cli", MassTransit],
    };

    /// <summary>What is wrong with a reference; null when it may be.</summary>
    public static string? Objection(string area, string name, string targetArea, string target)
    {
        if (area != "src")
        {
            // What is not shipped may use what is, and its own kind; nothing builds on examples.
            return targetArea == "src" || targetArea == area || (area == "tests" && targetArea == "examples")
                ? null
                : $"{name} ({area}) must not reference {target} ({targetArea}).";
        }

        if (targetArea != "src")
        {
            return $"{name} is shipped and must not reference {target}, which is not.";
        }

        var allowed = name.StartsWith("Iii.Adapters.", StringComparison.Ordinal) ? ["Iii.Broker"] : s_shipped.GetValueOrDefault(name);
        if (allowed is null)
        {
            return $"{name} is new: say in {nameof(Arrows)} and in docs/architecture.md what it may reference.";
        }

        if (name == "Iii.Cli" && target is MassTransit or "Iii.Cli.MassTransit")
        {
            return $"{name} is compiled ahead of time and must not reference {target}, which cannot be.";
        }

        return allowed.Contains(Anything) || allowed.Contains(target)
            ? null
            : $"{name} must not reference {target}. It may reference {(allowed.Length == 0 ? "no project of ours" : string.Join(" and ", allowed))}.";
    }

    /// <summary>Whether there is a rule for a shipped project.</summary>
    public static bool Knows(string name) => s_shipped.ContainsKey(name) || name.StartsWith("Iii.Adapters.", StringComparison.Ordinal);
}
