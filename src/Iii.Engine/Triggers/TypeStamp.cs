namespace Iii.Engine.Triggers;

/// <summary>
/// When a provider of a trigger type was registered, in an order on which all instances agree: a counter that is ahead of every stamp
/// its instance has seen, and the worker's id where two are equal.
/// </summary>
internal readonly record struct TypeStamp(long Counter, string WorkerId) : IComparable<TypeStamp>
{
    public int CompareTo(TypeStamp other) =>
        Counter != other.Counter ? Counter.CompareTo(other.Counter) : string.CompareOrdinal(WorkerId, other.WorkerId);
}
