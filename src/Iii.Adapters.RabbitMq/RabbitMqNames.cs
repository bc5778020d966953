using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Iii.Adapters.RabbitMq;

/// <summary>Every name that this adapter uses in the broker.</summary>
/// <remarks>
/// Names of ours are parts of names there, separated by '/'; a '/' or '%' within one is percent-encoded. What would be longer than
/// AMQP allows is cut and ends with '#' and a hash.
/// </remarks>
internal sealed partial class RabbitMqNames(string cluster)
{
    private const int MaxBytes = 240;
    private const int HashCharacters = 32;

    /// <summary>A direct exchange. Routing keys are the subjects themselves: both are exact, and end at less than 255 bytes.</summary>
    public string BusExchange { get; } = $"iii.bus.{cluster}";

    /// <summary>A headers exchange: where messages go into a delay. Their routing key is what they go to then, a <see cref="Destination"/>.</summary>
    public string DelayExchange { get; } = $"iii.delay.{cluster}";

    /// <summary>A headers exchange: where messages come out of the far part of a delay, or go at once if there is none.</summary>
    public string NearExchange { get; } = $"iii.near.{cluster}";

    /// <summary>A direct exchange: where messages come out of a delay. Its keys are <see cref="Destination"/>.</summary>
    public string DueExchange { get; } = $"iii.due.{cluster}";

    /// <summary>A fanout exchange behind the one for what is due, with <see cref="GoneQueue"/>: what has no destination any more is let go.</summary>
    public string GoneExchange { get; } = $"iii.gone.{cluster}";

    /// <summary>A queue that keeps nothing.</summary>
    public string GoneQueue { get; } = $"iii.gone.{cluster}";

    /// <summary>A queue with a message for every queue that there is: what they are counted by.</summary>
    public string RegisterQueue { get; } = $"iii.register.{cluster}";

    /// <summary>An exclusive queue that is never used: who has it may add to the register.</summary>
    public string RegisterLock { get; } = $"iii.register-lock.{cluster}";

    /// <exception cref="ArgumentException">It is no name of a cluster.</exception>
    public static void CheckCluster(string cluster)
    {
        if (!Cluster().IsMatch(cluster))
        {
            throw new ArgumentException($"'{cluster}' is no name of a cluster; write 1 to 32 characters of a-z A-Z 0-9 . _ -");
        }
    }

    /// <summary>A fanout exchange: what is enqueued to a queue.</summary>
    public string QueueExchange(string queue) => Fit($"iii.queue.{cluster}", queue);

    /// <summary>The alternate of that exchange: where messages go while nothing is bound to it.</summary>
    public string HeldExchange(string queue) => HeldQueue(queue);

    /// <summary>The queue for what is enqueued while there is no group.</summary>
    public string HeldQueue(string queue) => Fit($"iii.held.{cluster}", queue);

    /// <summary>The messages of a group.</summary>
    public string JobsQueue(string queue, string group) => Fit($"iii.jobs.{cluster}", queue, group);

    /// <summary>A fanout exchange: what is enqueued to a queue with a delay.</summary>
    public string LaterExchange(string queue) => Fit($"iii.later.{cluster}", queue);

    /// <summary>Where the messages of a group go into a delay; they stay for no time.</summary>
    public string LaterQueue(string queue, string group) => Fit($"iii.later.{cluster}", queue, group);

    /// <summary>The dead letters of a group.</summary>
    public string DeadQueue(string queue, string group) => Fit($"iii.dead.{cluster}", queue, group);

    /// <summary>What a consumer of a group in order leaves to the next.</summary>
    public string NotesQueue(string queue, string group) => Fit($"iii.notes.{cluster}", queue, group);

    /// <summary>An exclusive queue that is never used: who has it may change the bindings of a queue.</summary>
    public string BindingLock(string queue) => Fit($"iii.lock.{cluster}", queue);

    /// <summary>Likewise: who has it consumes a group in order.</summary>
    public string TurnLock(string queue, string group) => Fit($"iii.turn.{cluster}", queue, group);

    /// <summary>Likewise: who has it reads the dead letters of a group.</summary>
    public string DeadLock(string queue, string group) => Fit($"iii.dead-lock.{cluster}", queue, group);

    /// <summary>Exchange and queue of one step of a delay.</summary>
    public string DelayStep(int level) => $"iii.step.{cluster}.{level:00}";

    /// <summary>Likewise of a further part of a step that is longer than a message may live.</summary>
    public string DelayStage(int level, int stage) => $"{DelayStep(level)}.{stage}";

    /// <summary>Messages that are due soon, or now.</summary>
    public string NearQueue(int shard) => $"{NearExchange}.{shard}";

    /// <summary>The routing key of what is due: short, whatever the name of the exchange or queue that it stands for.</summary>
    public static string Destination(string name) => Hash(name);

    /// <summary>One that nothing has had before.</summary>
    public static string NewDestination() => Guid.NewGuid().ToString("N");

    private static string Fit(string prefix, params ReadOnlySpan<string> names)
    {
        var full = new StringBuilder(prefix);
        foreach (var name in names)
        {
            full.Append('/').Append(name.Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal));
        }

        var text = full.ToString();
        if (Encoding.UTF8.GetByteCount(text) <= MaxBytes)
        {
            return text;
        }

        var kept = new StringBuilder();
        var room = MaxBytes - HashCharacters - 1;
        foreach (var rune in text.EnumerateRunes())
        {
            room -= rune.Utf8SequenceLength;
            if (room < 0)
            {
                break;
            }

            kept.Append(rune);
        }

        return kept.Append('#').Append(Hash(text)).ToString();
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashCharacters];

    [GeneratedRegex(@"\A[a-zA-Z0-9._-]{1,32}\z")]
    private static partial Regex Cluster();
}
