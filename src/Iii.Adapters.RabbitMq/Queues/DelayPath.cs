using System.Globalization;
using System.Numerics;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// How a delay is made of steps: step n lasts 2^n quanta, and a message passes the steps whose bits are set in its delay. Its
/// headers say which, its routing key where it goes then: so the broker can set the one without the other.
/// </summary>
/// <remarks>
/// Delays are rounded up, so that no message is early: to the quantum, and beyond 1,024 quanta to 10 significant bits, which is at most
/// 0.2 % late and spares every message most of the steps.
/// </remarks>
internal readonly struct DelayPath
{
    /// <summary>The number of steps; together they last 397 days.</summary>
    public const int Levels = 31;

    private const int SignificantBits = 10;

    private const string First = "iii-first-step";

    /// <summary>24 days.</summary>
    private const int LongestLevelOfOneStage = 27;

    /// <summary>The length of step 0.</summary>
    public static readonly TimeSpan Quantum = TimeSpan.FromMilliseconds(16);

    private readonly uint _quanta;

    private DelayPath(uint quanta) => _quanta = quanta;

    /// <summary>The longest delay there is.</summary>
    public static TimeSpan Longest => Quantum * ((1u << Levels) - (1u << (Levels - SignificantBits)));

    /// <summary>The first step that the message passes.</summary>
    public int HighestLevel => BitOperations.Log2(_quanta);

    /// <summary>The length of the delay, after rounding.</summary>
    public TimeSpan Total => Quantum * _quanta;

    /// <param name="delay">What is shorter than a quantum is one; what is longer than <see cref="Longest"/> is cut to it.</param>
    public static DelayPath Of(TimeSpan delay)
    {
        var quanta = Math.Max(1, (uint)Math.Ceiling((delay < Longest ? delay : Longest) / Quantum));
        var spare = Math.Max(0, BitOperations.Log2(quanta) + 1 - SignificantBits);
        var unit = 1u << spare;
        return new DelayPath((quanta + unit - 1) / unit * unit);
    }

    /// <summary>The length of one step.</summary>
    public static TimeSpan Duration(int level) => Quantum * (1u << level);

    /// <summary>How many queues a step is made of: no message may live in one for more than 49 days.</summary>
    public static int Stages(int level) => level <= LongestLevelOfOneStage ? 1 : 1 << (level - LongestLevelOfOneStage);

    public bool Passes(int level) => (_quanta >> level & 1) != 0;

    /// <summary>The headers of a message: its first step, and of each from there on whether it passes it.</summary>
    public Dictionary<string, object?> Headers()
    {
        var headers = new Dictionary<string, object?> { [First] = HighestLevel };
        for (var level = HighestLevel; level >= 0; level--)
        {
            headers[Step(level)] = Passes(level) ? 1 : 0;
        }

        return headers;
    }

    /// <summary>The arguments of a binding for those that begin with a step.</summary>
    public static Dictionary<string, object?> BindingOfFirst(int level) => new() { ["x-match"] = "all", [First] = level };

    /// <summary>The arguments of a binding for those that pass a step, or do not.</summary>
    public static Dictionary<string, object?> Binding(int level, bool passes) => new() { ["x-match"] = "all", [Step(level)] = passes ? 1 : 0 };

    private static string Step(int level) => string.Create(CultureInfo.InvariantCulture, $"iii-step-{level:00}");
}
