namespace Iii.Bench.Brokers;

/// <summary>One of the two processes of a bus measurement, on an adapter or on the broker's own client.</summary>
internal interface IBusPeer : IAsyncDisposable
{
    /// <summary>Answers every request with its own bytes, from now on.</summary>
    Task ServeAsync();

    /// <summary>Sends one request and waits for its answer.</summary>
    Task<int> CallAsync(ReadOnlyMemory<byte> request);
}
