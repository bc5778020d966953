using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>What this Redis promises to keep.</summary>
internal static class RedisDurability
{
    /// <summary>Finds out, and warns of what should be otherwise for queues.</summary>
    /// <returns>
    /// <see cref="Durability.Synced"/> when every write is synced before it is acknowledged; <see cref="Durability.Written"/> when it is
    /// written to a file and synced later, or when Redis does not say; <see cref="Durability.Volatile"/> when there is no such file,
    /// so that what was accepted is gone with the process of Redis.
    /// </returns>
    public static async Task<Durability> FindAsync(RedisConnection connection, ILogger log)
    {
        var weakest = Durability.Synced;
        foreach (var server in connection.Database.Multiplexer.GetServers().Where(static server => server is { IsConnected: true, IsReplica: false }))
        {
            var found = await FindAsync(server, log).ConfigureAwait(false);
            weakest = found < weakest ? found : weakest;
        }

        return weakest;
    }

    private static async Task<Durability> FindAsync(IServer server, ILogger log)
    {
        var where = $"{server.EndPoint}";
        var info = (await server.InfoAsync().ConfigureAwait(false))
            .SelectMany(static section => section)
            .ToLookup(static pair => pair.Key, static pair => pair.Value);
        var policy = info["maxmemory_policy"].FirstOrDefault("");
        if (policy is not ("" or "noeviction"))
        {
            RedisLog.Evicts(log, where, policy);
        }

        if (info["aof_enabled"].FirstOrDefault() == "0")
        {
            RedisLog.HasNoAppendOnlyFile(log, where);
            return Durability.Volatile;
        }

        var fsync = await ReadFsyncAsync(server).ConfigureAwait(false);
        if (fsync == "always")
        {
            return Durability.Synced;
        }

        RedisLog.SyncsLater(log, where, fsync ?? "not known");
        return Durability.Written;
    }

    private static async Task<string?> ReadFsyncAsync(IServer server)
    {
        try
        {
            return (await server.ConfigGetAsync("appendfsync").ConfigureAwait(false)).FirstOrDefault().Value;
        }
        catch (RedisServerException)
        {
            return null; // A provider who does not let its users see the configuration.
        }
    }
}
