using System.Text;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>The names of all keys and channels.</summary>
/// <remarks>
/// <code>
/// «prefix»«cluster»:bus:«subject»            channel of a subject; a sharded one on Redis Cluster
/// «prefix»«cluster»:queues                   sorted set: the names of all queues
/// «prefix»«cluster»:queue:{«queue»}          hash: the last number that was given to a message
///   :wake                                    channel: a group's name when it has messages again; sharded on Redis Cluster
///   :groups                                  set: the names of the groups
///   :dedup, :dedup-until                     hash and sorted set: deduplication keys with ids, and until when they count
///   :group:«group»                           hash: mode ('n' neutral, 'p' plain, 'k' per key), target of a change of mode,
///                                            urgent (there are priorities), taken (since the oldest went first), asleep
///   :consumers:«group»                       sorted set: consumers, and until when they count
///   :messages:«group»                        hash: id to record
///   :history:«group»                         hash: id to history, of those that were delivered before
///   :line:«group»                            sorted set: what waits, in neutral mode
///   :ready«0…9»:«group»                      list: what waits, by priority, in plain mode
///   :heads:«group»                           list: what is ready, one of each ordering key at most, in mode per key
///   :lane:«length of group»:«group»:«key»    list: what waits behind the one that holds the key, in mode per key
///   :busy:«group»                            hash: ordering key to the message that holds it
///   :delayed:«group», :leased:«group»        sorted set: by the time when they are due or given back, in milliseconds
///   :dead:«group»                            sorted set: ids of dead letters by the time of their death, in microseconds
/// </code>
/// Messages that wait for the first group are in a group without a name. All keys of a queue have its name as their hash tag, so that they
/// are on one node of a Redis Cluster; braces and percent signs in it are encoded.
/// </remarks>
internal sealed class RedisNames
{
    private readonly string _root;
    private readonly bool _isCluster;

    /// <exception cref="ArgumentException">Prefix or cluster name have characters that they must not have.</exception>
    public RedisNames(RedisBrokerOptions options, bool isCluster)
    {
        foreach (var (what, name) in ((string, string)[])[("prefix", options.Prefix), ("cluster name", options.Cluster)])
        {
            if (name.AsSpan().ContainsAny('{', '}'))
            {
                throw new ArgumentException($"The {what} '{name}' has a brace; leave braces out.", nameof(options));
            }
        }

        (_root, _isCluster) = ($"{options.Prefix}{options.Cluster}:", isCluster);
    }

    /// <summary>The names of all queues.</summary>
    public RedisKey Queues => $"{_root}queues";

    /// <summary>The channel of a subject of the bus.</summary>
    public RedisChannel Subject(string subject) => Channel($"bus:{subject}");

    /// <summary>The key of a queue, with which all its other keys begin.</summary>
    public RedisKey Queue(string queue) => _root + Path(queue);

    /// <summary>The channel on which the consumers of a queue are woken.</summary>
    public RedisChannel Wake(string queue) => Channel($"{Path(queue)}:wake");

    /// <summary>On Redis Cluster only a sharded channel tells its publisher how many listen.</summary>
    private RedisChannel Channel(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(_root + name);
        return _isCluster ? RedisChannel.Sharded(bytes) : RedisChannel.Literal(bytes);
    }

    private static string Path(string queue) =>
        $"queue:{{{queue.Replace("%", "%25", StringComparison.Ordinal).Replace("{", "%7B", StringComparison.Ordinal).Replace("}", "%7D", StringComparison.Ordinal)}}}";
}
