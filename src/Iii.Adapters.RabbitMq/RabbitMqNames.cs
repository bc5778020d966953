using System.Text.RegularExpressions;

namespace Iii.Adapters.RabbitMq;

/// <summary>Every name that this adapter uses in the broker.</summary>
internal sealed partial class RabbitMqNames(string cluster)
{
    /// <summary>A direct exchange. Routing keys are the subjects themselves: both are exact, and end at less than 255 bytes.</summary>
    public string BusExchange { get; } = $"iii.bus.{cluster}";

    /// <exception cref="ArgumentException">It is no name of a cluster.</exception>
    public static void CheckCluster(string cluster)
    {
        if (!Cluster().IsMatch(cluster))
        {
            throw new ArgumentException($"'{cluster}' is no name of a cluster; write 1 to 32 characters of a-z A-Z 0-9 . _ -");
        }
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9._-]{1,32}\z")]
    private static partial Regex Cluster();
}
