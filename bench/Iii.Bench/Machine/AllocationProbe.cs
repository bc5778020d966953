using System.Net.Sockets;

namespace Iii.Bench.Machine;

/// <summary>Reads the bytes a measured .NET process has allocated, through the hook that was put into it.</summary>
internal sealed class AllocationProbe(string socketPath)
{
    public const string SocketVariable = "III_BENCH_PROBE_SOCKET";

    /// <summary>The environment that puts the hook into a child process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["DOTNET_STARTUP_HOOKS"] = typeof(AllocationProbe).Assembly.Location,
        [SocketVariable] = socketPath,
    };

    /// <summary>Null when the process has no hook: a native binary, for one.</summary>
    public long? Read()
    {
        if (!File.Exists(socketPath))
        {
            return null;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        Span<byte> answer = stackalloc byte[sizeof(long)];
        var length = 0;
        while (length < answer.Length)
        {
            var count = socket.Receive(answer[length..]);
            if (count == 0)
            {
                return null;
            }

            length += count;
        }

        return BitConverter.ToInt64(answer);
    }
}
