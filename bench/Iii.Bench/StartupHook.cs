using System.Net.Sockets;
using Iii.Bench.Machine;

/// <summary>
/// Loaded by the runtime into a measured .NET process (DOTNET_STARTUP_HOOKS). It answers each connection on a Unix
/// socket with the bytes allocated so far. Idle otherwise, so it does not disturb what is measured.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(AllocationProbe.SocketVariable) is { Length: > 0 } path)
        {
            new Thread(() => Answer(path)) { IsBackground = true, Name = "allocation probe" }.Start();
        }
    }

    private static void Answer(string path)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        while (true)
        {
            using var peer = listener.Accept();
            peer.Send(BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true)));
        }
    }
}
