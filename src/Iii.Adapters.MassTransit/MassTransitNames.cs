using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Iii.Adapters.MassTransit;

/// <summary>Every name that this adapter uses in the broker: the words that MassTransit allows, <c>a-z A-Z 0-9 . _ : -</c>.</summary>
/// <remarks>
/// A name of ours stands there as it is where it can: a topic <c>orders</c> of the cluster <c>shop</c> is <c>iii:shop:topic:orders</c>.
/// One that has other characters, is long, or could be taken for another name below is replaced by a point and a hash of it.
/// </remarks>
public sealed partial class MassTransitNames
{
    private const int MaxPlain = 90;
    private const int HashCharacters = 32;

    private readonly string _prefix;

    /// <summary>Makes the names of a cluster.</summary>
    /// <exception cref="ArgumentException">It is no name of a cluster.</exception>
    public MassTransitNames(string cluster)
    {
        if (!ClusterName().IsMatch(cluster))
        {
            throw new ArgumentException($"'{cluster}' is no name of a cluster; write 1 to 32 characters of a-z A-Z 0-9 . _ -");
        }

        _prefix = $"iii:{cluster}:";
    }

    /// <summary>
    /// The exchange that stands for a queue: a durable fanout exchange without arguments, as MassTransit declares it itself. Whatever is
    /// published or sent to it is enqueued.
    /// </summary>
    public string Entry(string queue) => _prefix + Part(queue);

    /// <summary>The exchange behind it, to which groups are bound; a consumer of another program binds here too. Its alternate is <see cref="Held"/>.</summary>
    public string Groups(string queue) => Entry(queue) + "_groups";

    /// <summary>Exchange and queue for what is enqueued while nothing is bound to <see cref="Groups"/>.</summary>
    public string Held(string queue) => Entry(queue) + "_held";

    /// <summary>Exchange and queue of a group.</summary>
    public string Jobs(string queue, string group) => $"{Entry(queue)}..{Part(group)}";

    /// <summary>Exchange and queue of the dead letters of a group.</summary>
    public string Dead(string queue, string group) => Jobs(queue, group) + "_error";

    /// <summary>Exchange and queue by which the messages of a group go into a wait; they stay for no time.</summary>
    internal string Later(string queue, string group) => Jobs(queue, group) + "_later";

    /// <summary>An exclusive queue that is never used: who has it may change the bindings of a queue.</summary>
    internal string Lock(string queue) => Entry(queue) + "_lock";

    /// <summary>Exchange and queue in which messages wait for so long.</summary>
    internal string Wait(TimeSpan step) => $"{_prefix}.wait_{(long)step.TotalMilliseconds}";

    /// <summary>A headers exchange: where messages go into a wait.</summary>
    internal string Waits => $"{_prefix}.wait";

    /// <summary>A direct exchange: where messages come out of a wait. Keys are drawn when a group is bound.</summary>
    internal string Due => $"{_prefix}.due";

    /// <summary>Its alternate, with a queue that keeps nothing: what is due for a group that was removed is let go.</summary>
    internal string Gone => $"{_prefix}.gone";

    private static string Part(string name) =>
        name.Length <= MaxPlain && PlainName().IsMatch(name)
            ? name
            : "." + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..HashCharacters];

    [GeneratedRegex(@"\A[a-zA-Z0-9._-]{1,32}\z")]
    private static partial Regex ClusterName();

    [GeneratedRegex(@"\A[a-zA-Z0-9_:-]+(\.[a-zA-Z0-9_:-]+)*(?<!_groups|_held|_error|_later|_skipped|_lock)\z")]
    private static partial Regex PlainName();
}
