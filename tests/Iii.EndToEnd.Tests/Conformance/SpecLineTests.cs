using System.Reflection;

namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>
/// The lists of what a client can observe, and that every line of them has a test here: one with the trait <c>spec</c>, whose value
/// is the list and the number. These tests know nothing of the engine but its executable, so each of them runs against a process.
/// </summary>
public class SpecLineTests
{
    private const string Trait = "spec";

    private static readonly (string List, int Lines)[] s_lists = [("protocol 11", 56), ("http 7", 29)];

    private static IEnumerable<string> Lines =>
        s_lists.SelectMany(static list => Enumerable.Range(1, list.Lines).Select(number => $"{list.List}.{number}"));

    private static IEnumerable<string> Tested =>
        from type in typeof(SpecLineTests).Assembly.GetTypes()
        from method in type.GetMethods()
        where method.GetCustomAttribute<FactAttribute>() is { Skip: null, Explicit: false }
        from trait in method.GetCustomAttributes<TraitAttribute>()
        where trait.Name == Trait
        select trait.Value;

    [Fact]
    public void Every_line_has_a_test() => AssertNone(Lines.Except(Tested), "without a test");

    [Fact]
    public void Every_trait_names_a_line() => AssertNone(Tested.Except(Lines), "that there are not");

    [Fact]
    public void These_tests_cannot_reach_into_the_engine() =>
        Assert.DoesNotContain(
            typeof(SpecLineTests).Assembly.GetReferencedAssemblies().Concat(typeof(TestWorker).Assembly.GetReferencedAssemblies()),
            static assembly => assembly.Name!.StartsWith("Iii.", StringComparison.Ordinal)
                && !assembly.Name.StartsWith("Iii.Test", StringComparison.Ordinal)
                && assembly.Name != "Iii.Sdk"); // a client like any other

    private static void AssertNone(IEnumerable<string> lines, string what) =>
        Assert.False(lines.Any(), $"Lines {what}: {string.Join(", ", lines)}");
}
