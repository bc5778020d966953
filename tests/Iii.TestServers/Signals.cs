using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Iii.TestServers;

/// <summary>Signals that .NET has no call for.</summary>
public static class Signals
{
    private const int Terminate = 15;
    private const int Continue = 18;
    private const int Stop = 19;

    /// <summary>Asks a process to end (SIGTERM).</summary>
    public static void SendTerminate(int processId) => SendChecked(processId, Terminate);

    /// <summary>Stops a process where it is (SIGSTOP): its connections stay open and nothing answers.</summary>
    public static void SendStop(int processId) => SendChecked(processId, Stop);

    /// <summary>Lets a stopped process go on (SIGCONT).</summary>
    public static void SendContinue(int processId) => SendChecked(processId, Continue);

    private static void SendChecked(int processId, int signal)
    {
        if (Send(processId, signal) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Send(int processId, int signal);
}
