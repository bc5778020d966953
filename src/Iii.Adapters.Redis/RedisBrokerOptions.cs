using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Adapters.Redis;

/// <summary>The configuration of a <see cref="RedisConnection"/> and of the adapters that use it.</summary>
public sealed record RedisBrokerOptions
{
    /// <summary>The prefix of those who name none.</summary>
    public const string DefaultPrefix = "iii:";

    /// <summary>The cluster of those who name none.</summary>
    public const string DefaultCluster = "default";

    /// <summary>
    /// Where Redis is: <c>redis://[[user]:password@]host[:port][/database]</c>, <c>rediss://</c> for TLS, or a configuration string of
    /// StackExchange.Redis (<c>host:port,host:port,password=…,serviceName=…</c>) for Sentinel, Redis Cluster and everything else.
    /// In a URL, special characters of user and password are percent-encoded.
    /// </summary>
    public required string Url { get; init; }

    /// <summary>What the names of all keys and channels start with. No braces: they would decide where Redis Cluster puts a key.</summary>
    public string Prefix { get; init; } = DefaultPrefix;

    /// <summary>Which instances belong together; those of another cluster share nothing with them. No braces.</summary>
    public string Cluster { get; init; } = DefaultCluster;

    /// <summary>The number of the database; null for the one in <see cref="Url"/>, or else 0. The bus is the same in all of them.</summary>
    public int? Database { get; init; }

    /// <summary>How long one attempt to connect may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a command may take. Then it fails with <see cref="BrokerErrorCodes.BrokerUnavailable"/>, at most half a second late,
    /// and so does every further one at once, until Redis answers again.
    /// </summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often it is checked that Redis answers, so that its silence is noticed when nobody sends anything.</summary>
    public TimeSpan CheckInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The bounds. Names of subscriptions are counted per bus.</summary>
    public BrokerLimits Limits { get; init; } = new();

    /// <summary>
    /// Bus: bytes of frames that have been published and not yet taken by Redis. At the bound publishing waits until there is room;
    /// a frame larger than all of it waits until there is nothing else.
    /// </summary>
    public int MaxOutgoingBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>How long disposing a bus subscription waits for its handler before it sets the handler's token.</summary>
    public TimeSpan BusDrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told of every exception that a bus or queue handler throws, besides the log. It must be fast and must not throw.</summary>
    public Action<Exception> HandlerFailed { get; init; } = static _ => { };

    /// <summary>Where the adapters log to.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Says which it is, and no password.</summary>
    public override string ToString() => $"{nameof(RedisBrokerOptions)} {{ {nameof(Prefix)} = {Prefix}, {nameof(Cluster)} = {Cluster} }}";
}
