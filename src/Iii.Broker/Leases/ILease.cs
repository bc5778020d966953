namespace Iii.Broker;

/// <summary>A lease that was acquired. Disposing releases it, at once if the broker can be reached; it may be called twice.</summary>
public interface ILease : IAsyncDisposable
{
    /// <summary>What was leased.</summary>
    string Name { get; }

    /// <summary>
    /// Greater than the token of every earlier lease with this name. Whoever guards a resource refuses a token smaller than one it
    /// has seen.
    /// </summary>
    long FencingToken { get; }

    /// <summary>
    /// Set as soon as the lease may be somebody else's: at the latest when its time to live has passed since the last renewal that
    /// succeeded. Not set by releasing it.
    /// </summary>
    CancellationToken Lost { get; }
}
