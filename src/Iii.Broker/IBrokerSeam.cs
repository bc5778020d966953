namespace Iii.Broker;

/// <summary>
/// What the four seams have in common: an adapter says what it can do and where its bounds are, and is closed by dispose.
/// </summary>
/// <remarks>
/// <para>
/// Threading: every member of every seam may be called from any thread, concurrently. Handlers are called on
/// thread-pool threads, never on the caller's, and never while the adapter holds a lock.
/// </para>
/// <para>
/// Errors: an expected failure is a return value or a <see cref="BrokerException"/> with a code of
/// <see cref="BrokerErrorCodes"/>. Use after dispose is an <see cref="ObjectDisposedException"/>; a cancelled token an
/// <see cref="OperationCanceledException"/>. Each is thrown by the call itself or by its task; who awaits at once sees no
/// difference. A call that was cancelled, or failed with
/// <see cref="BrokerErrorCodes.BrokerUnavailable"/>, may or may not have taken effect.
/// </para>
/// <para>
/// Memory: bytes given to a call are only borrowed until its task completes. Bytes given to a handler are only lent until the
/// handler's task completes. Bytes in a returned value belong to the receiver and never change.
/// </para>
/// <para>
/// Dispose: drains what this object started (its subscriptions, consumers and leases), then lets go of the broker. It may be
/// called twice, and concurrently; every call completes when the first has done its work.
/// </para>
/// </remarks>
public interface IBrokerSeam : IAsyncDisposable
{
    /// <summary>The abilities this adapter declares. Constant for the life of the object.</summary>
    BrokerFeatures Features { get; }

    /// <summary>The bounds this adapter enforces. Constant for the life of the object.</summary>
    BrokerLimits Limits { get; }
}
