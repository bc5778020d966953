namespace Iii.EndToEnd.Tests.Processes;

/// <summary>What a worker's SDK reported as the error of a call.</summary>
internal sealed class WorkerErrorException(string code, string message) : Exception($"{code}: {message}")
{
    public string Code => code;
}
