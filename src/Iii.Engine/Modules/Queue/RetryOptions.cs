namespace Iii.Engine.Modules.Queue;

/// <summary>How often and after which pauses a job is tried.</summary>
/// <param name="MaxAttempts">Failures after which it becomes a dead letter; at least 1.</param>
/// <param name="Backoff">The pause after the first failure.</param>
/// <param name="BackoffType">How it grows.</param>
internal sealed record RetryOptions(int MaxAttempts, TimeSpan Backoff, BackoffType BackoffType = BackoffType.Exponential);
