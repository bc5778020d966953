using Iii.Engine.Gateways;

namespace Iii.Engine.Discovery;

/// <summary>A connected worker as it stood at one moment, for lists.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Metadata">What it says about itself.</param>
/// <param name="RemoteAddress">The address it connects from.</param>
/// <param name="ConnectedAtMs">When it connected, in milliseconds of Unix time, by the clock of its instance.</param>
/// <param name="Functions">The functions that it provides.</param>
/// <param name="ActiveInvocations">Calls under way in either role; of a worker of another instance, those that this instance gave it are not told apart and 0 is said.</param>
/// <param name="Instance">The instance that it is connected to.</param>
internal sealed record WorkerRow(
    string Id,
    WorkerMetadata Metadata,
    string? RemoteAddress,
    long ConnectedAtMs,
    IReadOnlyCollection<string> Functions,
    int ActiveInvocations,
    string Instance);
