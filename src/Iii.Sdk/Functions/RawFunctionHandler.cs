namespace Iii.Sdk;

/// <summary>Handles a function's calls without decoding them.</summary>
/// <param name="input">One JSON value, UTF-8. It may be kept.</param>
/// <param name="context">What is known about the call.</param>
/// <param name="cancellation">Cancelled when the worker shuts down and its patience is over.</param>
/// <returns>One JSON value, UTF-8; empty for no result.</returns>
public delegate ValueTask<ReadOnlyMemory<byte>> RawFunctionHandler(
    ReadOnlyMemory<byte> input, InvocationContext context, CancellationToken cancellation);
