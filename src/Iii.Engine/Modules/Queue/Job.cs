namespace Iii.Engine.Modules.Queue;

/// <summary>What is to be done with a delivery.</summary>
/// <param name="Name">The topic or named queue, as users know it.</param>
/// <param name="IsTopic">Which of the two it is.</param>
/// <param name="FunctionId">The function; null when the message should say and does not.</param>
/// <param name="ConditionFunctionId">Decides whether the function runs; null for always.</param>
/// <param name="Retry">What becomes of it when it fails.</param>
internal readonly record struct Job(string Name, bool IsTopic, string? FunctionId, string? ConditionFunctionId, RetryOptions Retry);
