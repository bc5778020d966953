namespace Iii.Broker.Memory;

/// <summary>
/// The cable between one instance and its world. Give one link to all adapters of an instance; cutting it is what a pulled cable or
/// a killed process is to the others, and restoring it ends a partition.
/// </summary>
/// <remarks>
/// While it is cut: calls fail with <see cref="BrokerErrorCodes.BrokerUnavailable"/>; the instance's bus subscriptions hear nothing
/// and count as nobody; its consumers get no messages and lose those they hold after the lease time, verdicts included; its leases
/// are lost after their time to live.
/// </remarks>
public sealed class MemoryLink
{
    private volatile bool _isUp = true;

    internal event Action? Changed;

    /// <summary>Whether the world can be reached.</summary>
    public bool IsUp => _isUp;

    /// <summary>Cuts the link. Nothing happens if it is cut already.</summary>
    public void Cut() => Set(false);

    /// <summary>Restores the link. Nothing happens if it is up already.</summary>
    public void Restore() => Set(true);

    internal void Check(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_isUp)
        {
            throw new BrokerException(BrokerErrorCodes.BrokerUnavailable, "The link to the memory world is cut.");
        }
    }

    private void Set(bool isUp)
    {
        if (_isUp != isUp)
        {
            _isUp = isUp;
            Changed?.Invoke();
        }
    }
}
