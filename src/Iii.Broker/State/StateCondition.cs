namespace Iii.Broker;

/// <summary>What must be under a key for a write to happen. The default is <see cref="Always"/>.</summary>
public readonly record struct StateCondition
{
    private const long AnyVersion = 0;
    private const long NoVersion = -1;
    private readonly long _version;

    private StateCondition(long version) => _version = version;

    /// <summary>Anything or nothing.</summary>
    public static StateCondition Always => default;

    /// <summary>Nothing.</summary>
    public static StateCondition IfAbsent => new(NoVersion);

    /// <summary>The version that must be there: null when any will do, 0 when there must be none.</summary>
    public long? RequiredVersion => _version switch { AnyVersion => null, NoVersion => 0, _ => _version };

    /// <summary>Exactly this version.</summary>
    public static StateCondition IfVersion(long version)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return new StateCondition(version);
    }

    /// <summary>Whether it holds for what is there.</summary>
    public bool HoldsFor(StateEntry? current) => RequiredVersion is not { } required || required == (current?.Version ?? 0);
}
