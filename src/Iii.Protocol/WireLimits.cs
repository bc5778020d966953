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

    /// <summary>The largest trace header that is passed on, as JSON string, in bytes. A larger one is left out.</summary>
    public const int MaxTraceHeaderBytes = 8192;

    /// <summary>The most that one registration may carry beside its ids (formats, config, metadata), in bytes. A larger one is refused.</summary>
    public const int MaxRegistrationBytes = 1024 * 1024;
}
