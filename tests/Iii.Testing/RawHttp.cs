using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Iii.Testing;

/// <summary>HTTP requests that no client library has touched.</summary>
public static class RawHttp
{
    /// <summary>Sends bytes as they are and returns all that comes back until the server closes.</summary>
    public static async Task<string> SendAsync(int port, string request)
    {
        using var client = new TcpClient();
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        await client.ConnectAsync(IPAddress.Loopback, port, timeout.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), timeout.Token);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, timeout.Token);
        }
        catch (IOException)
        {
            // A server that does not read a request to its end resets the connection after its answer.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>Sends a GET whose target stands in the request as it is; returns the status.</summary>
    public static async Task<int> StatusOfAsync(int port, string target)
    {
        var answer = await SendAsync(port, $"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        return int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture);
    }
}
