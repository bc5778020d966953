namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>A row of the matrix: one thing that users do, and how it is seen to work with one version of the SDK.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="CheckAsync">Throws when it does not work.</param>
internal sealed record Feature(string Name, Func<Fleet, string, Task> CheckAsync)
{
    /// <summary>The first version that offers it.</summary>
    public string Since { get; init; } = Sdks.All[0];

    /// <summary>The last version that offers it.</summary>
    public string Until { get; init; } = Sdks.All[^1];

    /// <summary>The method of the SDK that it needs, by whose presence the versions above are checked; null when there is none.</summary>
    public string? Method { get; init; }

    public bool IsOfferedBy(string sdk) =>
        Array.IndexOf(Sdks.All, sdk) is var index && index >= Array.IndexOf(Sdks.All, Since) && index <= Array.IndexOf(Sdks.All, Until);
}
