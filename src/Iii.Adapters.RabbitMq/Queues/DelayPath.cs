using System.Globalization;
using System.Numerics;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>
/// How the far part of a delay is made of steps: step n lasts 2^n seconds, and a message passes the steps whose bits are set. Its
/// headers say which, its routing key where it goes in the end: so the broker can set the one without the other.
/// </summary>
/// <remarks>
/// What is left when the last step is over, the near part, lasts at least as long as a lead, so that a step may be late, and less than
/// three times as long. A shorter delay has no far part. <see cref="DelayKeeper"/> keeps a message over the near part.
/// </remarks>
internal readonly struct DelayPath
{
    /// <summary>The number of steps; together they last 388 days.</summary>
    public const int Levels = 25;

    private const string First = "iii-first-step";

    /// <summary>48 days.</summary>
    private const int LongestLevelOfOneStage = 22;

    private readonly uint _seconds;

    private DelayPath(uint seconds) => _seconds = seconds;

    /// <summary>The longest far part.</summary>
    public static TimeSpan Longest => TimeSpan.FromSeconds((1u << Levels) - 1);

    /// <summary>The first step that the message passes; -1 when it passes none.</summary>
    public int HighestLevel => _seconds == 0 ? -1 : BitOperations.Log2(_seconds);

    /// <summary>The length of the far part.</summary>
    public TimeSpan Total => TimeSpan.FromSeconds(_seconds);

    /// <param name="delay">The far part of what is longer than <see cref="Longest"/> is cut to it.</param>
    /// <param name="lead">The least near part. At least a second.</param>
    public static DelayPath Of(TimeSpan delay, TimeSpan lead)
    {
        var unit = BitOperations.RoundUpToPowerOf2((uint)Math.Ceiling(lead.TotalSeconds));
        var far = delay - lead < Longest ? delay - lead : Longest;
        return far < TimeSpan.Zero ? default : new DelayPath((uint)far.TotalSeconds / unit * unit);
    }

    /// <summary>A single step of at most that long; a second if it is shorter.</summary>
    public static DelayPath StepOf(TimeSpan atMost) => new(1u << BitOperations.Log2((uint)Math.Clamp(atMost.TotalSeconds, 1, Longest.TotalSeconds)));

    /// <summary>The length of one step.</summary>
    public static TimeSpan Duration(int level) => TimeSpan.FromSeconds(1u << level);

    /// <summary>How many queues a step is made of: no message may live in one for more than 49 days.</summary>
    public static int Stages(int level) => level <= LongestLevelOfOneStage ? 1 : 1 << (level - LongestLevelOfOneStage);

    /// <summary>Whether a message with these headers passes any step, or has passed it.</summary>
    public static bool HasSteps(IDictionary<string, object?> headers) => headers.TryGetValue(First, out var first) && first is >= 0;

    public bool Passes(int level) => (_seconds >> level & 1) != 0;

    /// <summary>Adds the headers of a message: its first step, and of each from there on whether it passes it.</summary>
    public void WriteTo(Dictionary<string, object?> headers)
    {
        headers[First] = HighestLevel;
        for (var level = HighestLevel; level >= 0; level--)
        {
            headers[Step(level)] = Passes(level) ? 1 : 0;
        }
    }

    /// <summary>The arguments of a binding for those that begin with a step, or with -1 for those that pass none.</summary>
    public static Dictionary<string, object?> BindingOfFirst(int level) => new() { ["x-match"] = "all", [First] = level };

    /// <summary>The arguments of a binding for those that pass a step, or do not.</summary>
    public static Dictionary<string, object?> Binding(int level, bool passes) => new() { ["x-match"] = "all", [Step(level)] = passes ? 1 : 0 };

    private static string Step(int level) => string.Create(CultureInfo.InvariantCulture, $"iii-step-{level:00}");
}
