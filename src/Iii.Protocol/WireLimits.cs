namespace Iii.Protocol;

/// <summary>Bounds of the worker protocol that are not options.</summary>
public static class WireLimits
{
    /// <summary>
    /// The deepest nesting of arrays and objects in a frame, the envelope included. A deeper frame is malformed: it is
    /// dropped, and where its invocation id can be read the call fails at once.
    /// </summary>
    public const int MaxDepth = 512;

    /// <summary>The largest text a client may give as id, in UTF-8 bytes (function, trigger, type or worker). Longer ones are malformed.</summary>
    public const int MaxIdBytes = 4096;
}
