namespace Iii.Engine.Discovery;

/// <summary>
/// The places of limits that hold for the whole cluster: who takes some, and how many each holds. Every instance announces its own, and
/// computes from those of the others what it may have (<see cref="Allowance"/>).
/// </summary>
/// <remarks>
/// After the takers of a limit have changed nobody takes more of it for a while: so those who do have heard of each other, and of what each
/// held before.
/// </remarks>
/// <param name="self">This instance.</param>
/// <param name="settling">How long that is: longer than a message to the others takes, should it be lost on its way at first.</param>
/// <param name="time">The clock.</param>
internal sealed class PlaceDirectory(string self, TimeSpan settling, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Limit> _limits = new(StringComparer.Ordinal);

    /// <summary>Raised, outside the lock, with the name of a limit of which somebody else has more or less than before.</summary>
    public event Action<string>? Changed;

    /// <summary>Raised, under the lock, with what this instance has of a limit now; must be quick.</summary>
    public event Action<string, Places>? Announced;

    /// <summary>Makes a directory for limits that hold for this instance alone: what it announces nobody hears.</summary>
    public PlaceDirectory Apart() => new(self, settling, time);

    /// <summary>Makes a holder of places, with none.</summary>
    public PlaceHolder Open(string limitId) => new(this, limitId);

    /// <summary>What another instance has announced; <c>default</c> when it has nothing any more.</summary>
    public void Set(string limitId, string instance, Places places)
    {
        lock (_lock)
        {
            var limit = Get(limitId);
            if (places.IsTaker != limit.Others.GetValueOrDefault(instance).IsTaker)
            {
                limit.TakersChanged = time.GetTimestamp();
            }

            if (places == default)
            {
                limit.Others.Remove(instance);
            }
            else
            {
                limit.Others[instance] = places;
            }

            RemoveIfUnused(limitId, limit);
        }

        Changed?.Invoke(limitId);
    }

    /// <summary>Another instance leaves: it takes no more, and holds what it holds until it is gone.</summary>
    /// <returns>Whether it holds something.</returns>
    public bool Retire(string limitId, string instance)
    {
        var held = 0;
        lock (_lock)
        {
            if (_limits.TryGetValue(limitId, out var limit) && limit.Others.TryGetValue(instance, out var places))
            {
                held = places.Held;
            }
        }

        Set(limitId, instance, new Places(IsTaker: false, held));
        return held > 0;
    }

    /// <summary>Another instance is gone, and all that it held is free.</summary>
    public void Forget(string instance)
    {
        string[] limitIds;
        lock (_lock)
        {
            limitIds = [.. _limits.Where(entry => entry.Value.Others.ContainsKey(instance)).Select(static entry => entry.Key)];
        }

        foreach (var limitId in limitIds)
        {
            Set(limitId, instance, default);
        }
    }

    /// <summary>A holder says what it has.</summary>
    public void Announce(PlaceHolder holder, Places places)
    {
        bool isShared;
        lock (_lock)
        {
            if (holder.Places == places)
            {
                return;
            }

            var limit = Get(holder.LimitId);
            var before = limit.Own;
            limit.Holders.Remove(holder);
            holder.Places = places;
            if (places != default)
            {
                limit.Holders.Add(holder);
            }

            if (limit.Own.IsTaker != before.IsTaker)
            {
                limit.TakersChanged = time.GetTimestamp();
            }

            Announced?.Invoke(holder.LimitId, limit.Own);
            isShared = limit.Holders.Exists(one => one != holder);
            RemoveIfUnused(holder.LimitId, limit);
        }

        if (isShared)
        {
            Changed?.Invoke(holder.LimitId);
        }
    }

    /// <summary>What a holder may have: what this instance may, less what other holders here have.</summary>
    public Allowance AllowanceOf(PlaceHolder holder, int limit)
    {
        lock (_lock)
        {
            if (!_limits.TryGetValue(holder.LimitId, out var known))
            {
                return new Allowance(limit, limit);
            }

            var allowance = Allowance.Of(limit, self, known.Others);
            var elsewhere = known.Holders.Sum(one => one == holder ? 0 : one.Places.Held);
            return new Allowance(Math.Max(0, allowance.Share - elsewhere), Math.Max(0, allowance.Free - elsewhere));
        }
    }

    /// <summary>How long the holder takes no more yet, because takers have come or gone.</summary>
    public TimeSpan UntilSettled(PlaceHolder holder)
    {
        lock (_lock)
        {
            // Alone there is nobody to hear of.
            var left = Announced is null || !_limits.TryGetValue(holder.LimitId, out var limit)
                ? TimeSpan.Zero
                : settling - time.GetElapsedTime(limit.TakersChanged);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    private Limit Get(string limitId)
    {
        if (!_limits.TryGetValue(limitId, out var limit))
        {
            _limits.Add(limitId, limit = new Limit());
        }

        return limit;
    }

    private void RemoveIfUnused(string limitId, Limit limit)
    {
        if (limit.Holders.Count == 0 && limit.Others.Count == 0)
        {
            _limits.Remove(limitId);
        }
    }

    private sealed class Limit
    {
        /// <summary>Those of this instance that have something.</summary>
        public List<PlaceHolder> Holders { get; } = [];

        /// <summary>Other instances that have something, by id.</summary>
        public Dictionary<string, Places> Others { get; } = new(StringComparer.Ordinal);

        /// <summary>When a taker came or went for the last time.</summary>
        public long TakersChanged { get; set; }

        /// <summary>What this instance has.</summary>
        public Places Own => new(Holders.Exists(static one => one.Places.IsTaker), Holders.Sum(static one => one.Places.Held));
    }
}
