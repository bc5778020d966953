using Iii.Engine.Invocations;

namespace Iii.Engine.Modules.HttpFunctions;

/// <summary>What a function over HTTP knows of the worker that registered it.</summary>
/// <param name="Pending">The calls that end with the worker.</param>
/// <param name="Lost">Cancelled when the worker is gone.</param>
internal sealed record HttpFunctionOwner(PendingTable Pending, CancellationToken Lost);
