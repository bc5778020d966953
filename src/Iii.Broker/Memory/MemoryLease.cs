namespace Iii.Broker.Memory;

/// <summary>
/// A lease that counts as renewed all the time while the link is up. When the link is cut its time to live begins to run; if that
/// passes before the link is restored, the lease is lost first and only then free for others.
/// </summary>
internal sealed class MemoryLease : ILease
{
    private readonly MemoryLeaseProvider _provider;
    private readonly MemoryWorld _world;
    private readonly MemoryLink _link;
    private readonly TimeSpan _timeToLive;
    private readonly CancellationTokenSource _lost = new();
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private TimeSpan? _expiresAt;
    private bool _isReleased;
    private bool _isOver;

    public MemoryLease(MemoryLeaseProvider provider, MemoryWorld world, MemoryLink link, string name, TimeSpan timeToLive, long fencingToken)
    {
        (_provider, _world, _link, Name, _timeToLive, FencingToken) = (provider, world, link, name, timeToLive, fencingToken);
        Lost = _lost.Token;
        _timer = world.Clock.CreateTimer(OnTimer);
        _link.Changed += OnLinkChanged;
        if (!link.IsUp)
        {
            OnLinkChanged();
        }
    }

    public string Name { get; }

    public long FencingToken { get; }

    public CancellationToken Lost { get; }

    public ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            // Cut off, the release cannot reach the world: the lease stays taken until the link is back or its time has passed.
            _isReleased = true;
            if (_isOver || !_link.IsUp)
            {
                return ValueTask.CompletedTask;
            }
        }

        End(isLost: false);
        return ValueTask.CompletedTask;
    }

    private void OnLinkChanged()
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            if (!_link.IsUp)
            {
                _expiresAt ??= _world.Clock.Now + _timeToLive;
                _world.Clock.Set(_timer, _expiresAt.Value);
                return;
            }

            _expiresAt = null;
            if (!_isReleased)
            {
                return;
            }
        }

        End(isLost: false);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            if (_isOver || _expiresAt is not { } due)
            {
                return;
            }

            if (_world.Clock.Now < due)
            {
                _world.Clock.Set(_timer, due);
                return;
            }
        }

        End(isLost: true);
    }

    private void End(bool isLost)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return;
            }

            _isOver = true;
        }

        _link.Changed -= OnLinkChanged;
        _timer.Dispose();
        if (isLost && !_isReleased)
        {
            _lost.Cancel();
        }

        _world.Leases.Release(this);
        _provider.Forget(this);
    }
}
