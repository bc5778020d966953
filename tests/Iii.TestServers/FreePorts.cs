using System.Net;
using System.Net.Sockets;

namespace Iii.TestServers;

/// <summary>Hands out ports that nothing listens on.</summary>
/// <remarks>
/// They lie below the range from which the system serves outgoing connections, so that none of these takes one of them between
/// this check and the start of an engine; and no port is handed out twice, whatever the tests do at the same time.
/// </remarks>
public static class FreePorts
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static int s_next = Random.Shared.Next(Count);

    public static int Take()
    {
        for (var attempt = 0; attempt < Count; attempt++)
        {
            var port = First + ((Interlocked.Increment(ref s_next) & int.MaxValue) % Count);
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No port from {First} to {First + Count - 1} is free.");
    }

    /// <summary>Whether an engine could listen there, on all addresses.</summary>
    public static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Any, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Whether something answers there.</summary>
    public static async Task<bool> AcceptsConnectionsAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
