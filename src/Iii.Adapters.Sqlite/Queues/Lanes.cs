using System.Text;

namespace Iii.Adapters.Sqlite.Queues;

/// <summary>Ordering keys as numbers of 64 bits. They are in the file: the function must never change.</summary>
/// <remarks>Keys that meet in one number, which needs billions of them, are kept in order among each other as well; nothing else.</remarks>
internal static class Lanes
{
    /// <summary>The one of the messages without a key.</summary>
    public const long None = 0;

    private const ulong OffsetBasis = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    /// <summary>FNV-1a over the UTF-8 of the key.</summary>
    public static long Of(string? key)
    {
        if (key is null)
        {
            return None;
        }

        Span<byte> bytes = stackalloc byte[Iii.Broker.BrokerLimits.MaxKeyBytes];
        var hash = OffsetBasis;
        foreach (var each in bytes[..Encoding.UTF8.GetBytes(key, bytes)])
        {
            hash = (hash ^ each) * Prime;
        }

        return hash == None ? 1 : (long)hash;
    }
}
