namespace Iii.EndToEnd.Tests.Processes;

/// <summary>What a run of <c>iii</c> came to.</summary>
internal sealed record FinishedCommand(int ExitCode, string Output, string Errors);
