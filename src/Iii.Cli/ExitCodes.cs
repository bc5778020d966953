namespace Iii.Cli;

/// <summary>How the process ends.</summary>
internal static class ExitCodes
{
    /// <summary>A graceful end.</summary>
    public const int Success = 0;

    /// <summary>The configuration is wrong, or a listener could not be bound.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;
}
