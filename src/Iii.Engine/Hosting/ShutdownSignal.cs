using System.Runtime.InteropServices;

namespace Iii.Engine.Hosting;

/// <summary>Turns SIGTERM and SIGINT into a wish to stop. A second signal ends the process at once, with the shell's code for it.</summary>
internal sealed class ShutdownSignal : IDisposable
{
    private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _token = new(); // never disposed of: a signal may be on its way
    private readonly PosixSignalRegistration _terminate;
    private readonly PosixSignalRegistration _interrupt;

    public ShutdownSignal()
    {
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
    }

    public Task Requested => _requested.Task;

    /// <summary>Cancelled when the stop is wished for.</summary>
    public CancellationToken Token => _token.Token;

    public void Dispose()
    {
        _terminate.Dispose();
        _interrupt.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        // The first signal is ours to carry out; the next one finds the default behaviour, which is to end.
        context.Cancel = _requested.TrySetResult();
        if (context.Cancel)
        {
            _token.Cancel();
        }
    }
}
