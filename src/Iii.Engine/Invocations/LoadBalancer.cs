using Iii.Engine.Discovery;

namespace Iii.Engine.Invocations;

/// <summary>Power of two choices: of two providers drawn at random, the one with fewer invocations under way.</summary>
internal static class LoadBalancer
{
    /// <summary>The index of the provider to try first.</summary>
    public static int Pick(ReadOnlySpan<FunctionRegistration> providers)
    {
        if (providers.Length == 1)
        {
            return 0;
        }

        var one = Random.Shared.Next(providers.Length);
        var other = Random.Shared.Next(providers.Length - 1);
        if (other >= one)
        {
            other++;
        }

        return providers[one].Provider.InFlight <= providers[other].Provider.InFlight ? one : other;
    }
}
