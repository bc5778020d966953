namespace Iii.Broker;

/// <summary>Which part of a list is wanted.</summary>
public sealed record PageRequest
{
    private readonly int _limit = DefaultLimit;

    /// <summary>How many items a page has when nothing is said.</summary>
    public const int DefaultLimit = 100;

    /// <summary>The first page with <see cref="DefaultLimit"/> items.</summary>
    public static PageRequest First { get; } = new();

    /// <summary>The <see cref="Page{T}.Next"/> of the page before; null for the first page.</summary>
    public string? After { get; init; }

    /// <summary>Most items of the page, 1 to <see cref="BrokerLimits.MaxPageSize"/>.</summary>
    public int Limit
    {
        get => _limit;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, BrokerLimits.MaxPageSize);
            _limit = value;
        }
    }
}
