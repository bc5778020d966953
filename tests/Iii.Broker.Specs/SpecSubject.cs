namespace Iii.Broker.Specs;

/// <summary>What a factory makes for one case: an adapter, and a way to make its instance vanish.</summary>
/// <param name="Seam">The adapter, connected and ready. The suite disposes it.</param>
/// <param name="CutOffAsync">
/// Cuts this one instance off its broker as a killed process is: no goodbye, nothing released or given back, renewals cease. Drop
/// its sockets, close its file. What it holds is not disposed by this, and disposing it later must still come to an end.
/// </param>
public sealed record SpecSubject<TSeam>(TSeam Seam, Func<ValueTask> CutOffAsync)
    where TSeam : class, IBrokerSeam;
