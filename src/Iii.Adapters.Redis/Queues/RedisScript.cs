using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Iii.Adapters.Redis.Queues;

/// <summary>A Lua script, called by its hash; a Redis that does not know it (any more) gets its text.</summary>
internal sealed class RedisScript
{
    private readonly string _text;
    private readonly byte[] _hash;

    private RedisScript(string text)
    {
        _text = text;
#pragma warning disable CA5350 // It is how Redis names scripts.
        _hash = SHA1.HashData(Encoding.UTF8.GetBytes(text));
#pragma warning restore CA5350
    }

    /// <summary>Reads embedded files and puts them behind each other.</summary>
    /// <param name="flags">What Redis is to know of the script: <c>allow-oom</c> for those that need no more memory than they free.</param>
    /// <param name="names">The names of the files without their extension.</param>
    public static RedisScript Load(string flags, params ReadOnlySpan<string> names)
    {
        var text = new StringBuilder("#!lua").Append(flags.Length == 0 ? "" : $" flags={flags}").Append('\n');
        foreach (var name in names)
        {
            using var stream = typeof(RedisScript).Assembly.GetManifestResourceStream($"{name}.lua")
                ?? throw new InvalidOperationException($"The script {name}.lua is not embedded.");
            using var reader = new StreamReader(stream);
            text.Append(reader.ReadToEnd());
        }

        return new RedisScript(text.ToString());
    }

    /// <summary>Runs it.</summary>
    public async Task<RedisResult> RunAsync(IDatabase database, RedisKey[] keys, RedisValue[] arguments)
    {
        try
        {
            return await database.ScriptEvaluateAsync(_hash, keys, arguments).ConfigureAwait(false);
        }
        catch (RedisServerException exception) when (exception.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            return await database.ScriptEvaluateAsync(_text, keys, arguments).ConfigureAwait(false);
        }
    }
}
