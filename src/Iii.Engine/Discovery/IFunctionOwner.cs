namespace Iii.Engine.Discovery;

/// <summary>A worker, or what stands for workers of another instance, as the owner of registrations.</summary>
internal interface IFunctionOwner
{
    /// <summary>What the worker calls itself; null when it has not said.</summary>
    string? WorkerName { get; }
}
