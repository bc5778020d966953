namespace Iii.Engine.Modules.Queue;

/// <summary>How the pauses between attempts grow.</summary>
internal enum BackoffType
{
    /// <summary>Twice as long after each failure.</summary>
    Exponential,

    /// <summary>Always the same.</summary>
    Fixed,

    /// <summary>Longer by the first pause after each failure.</summary>
    Linear,
}
