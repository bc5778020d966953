using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Iii.TestServers;

/// <summary>Signals that .NET has no call for.</summary>
public static class Signals
{
    private const int Terminate = 15;

    /// <summary>Asks a process to end (SIGTERM).</summary>
    public static void SendTerminate(int processId)
    {
        if (Send(processId, Terminate) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Send(int processId, int signal);
}
