using System.Text;
using StackExchange.Redis;

namespace Iii.Adapters.Redis;

/// <summary>The names of all keys and channels.</summary>
/// <remarks>
/// <code>
/// {prefix}{cluster}:bus:{subject}      channel of a subject; a sharded one on Redis Cluster
/// </code>
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

    /// <summary>The channel of a subject of the bus.</summary>
    public RedisChannel Subject(string subject) => Channel($"bus:{subject}");

    /// <summary>On Redis Cluster only a sharded channel tells its publisher how many listen.</summary>
    private RedisChannel Channel(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(_root + name);
        return _isCluster ? RedisChannel.Sharded(bytes) : RedisChannel.Literal(bytes);
    }
}
