namespace Iii.Cli;

/// <summary>How the process ends when it does not come to run an engine.</summary>
internal static class ExitCodes
{
    /// <summary>What was asked for has been printed.</summary>
    public const int Success = 0;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;
}
