using System.Globalization;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>What the environment says of runs at length.</summary>
internal static class Settings
{
    /// <summary>How many jobs there are.</summary>
    public static int Jobs(int otherwise) => Number("III_CHAOS_JOBS", otherwise);

    /// <summary>How often something is killed.</summary>
    public static int Kills(int otherwise) => Number("III_CHAOS_KILLS", otherwise);

    /// <summary>What is killed when.</summary>
    public static int Seed() => Number("III_SEED", Environment.TickCount);

    private static int Number(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
