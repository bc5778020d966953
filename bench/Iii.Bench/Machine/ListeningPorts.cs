using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Iii.Bench.Machine;

/// <summary>Free ports, and who listens on a port: a stray server on ours would give plausible, wrong figures.</summary>
internal static class ListeningPorts
{
    private const string Listening = "0A";
    private const int LocalAddressField = 1;
    private const int StateField = 3;
    private const int InodeField = 9;

    public static int Free()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    /// <exception cref="InvalidOperationException">Somebody listens already.</exception>
    public static void RequireFree(int port)
    {
        if (SocketInodes(port).Count > 0)
        {
            throw new InvalidOperationException($"Port {port} is taken: some other process listens on it. Stop it, or run again.");
        }
    }

    /// <exception cref="InvalidOperationException">The process does not listen there, or not alone.</exception>
    public static void RequireOwner(int port, int processId)
    {
        var inodes = SocketInodes(port);
        var owned = OwnedSockets(processId);
        if (inodes.Count == 0 || !inodes.All(owned.Contains))
        {
            throw new InvalidOperationException(
                $"Port {port} is not served by process {processId} alone; its figures would be another server's.");
        }
    }

    public static bool IsOpen(int port) => SocketInodes(port).Count > 0;

    private static List<string> SocketInodes(int port)
    {
        var suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        return new[] { "/proc/net/tcp", "/proc/net/tcp6" }
            .Where(File.Exists)
            .SelectMany(file => File.ReadLines(file).Skip(1))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[LocalAddressField].EndsWith(suffix, StringComparison.Ordinal) && fields[StateField] == Listening)
            .Select(fields => fields[InodeField])
            .ToList();
    }

    private static HashSet<string> OwnedSockets(int processId) =>
        Directory.EnumerateFiles($"/proc/{processId}/fd")
            .Select(file => new FileInfo(file).LinkTarget)
            .OfType<string>()
            .Where(target => target.StartsWith("socket:[", StringComparison.Ordinal))
            .Select(target => target["socket:[".Length..^1])
            .ToHashSet();
}
