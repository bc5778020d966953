using Iii.Bench.Processes;
using Iii.Bench.Workers;

namespace Iii.Bench.Suites;

/// <summary>What calls and what is called.</summary>
internal sealed record ClientKind(string Cell, Func<Uri, Launch> Worker, Func<Uri, Launch> Caller)
{
    /// <summary>Written for the benchmark: the least that a client can do.</summary>
    public static ClientKind Tuned { get; } = new("invoke", static url => Programs.TunedWorker(url, new RouteSet(1)), Programs.Caller);

    /// <summary>The SDK, with its handler on the thread pool as by default.</summary>
    public static ClientKind Sdk { get; } = new("sdk", static url => Programs.SdkWorker(url, runsInline: false), Programs.SdkCaller);

    /// <summary>The SDK, with a handler that runs inline.</summary>
    public static ClientKind SdkInline { get; } = new("sdk-inline", static url => Programs.SdkWorker(url, runsInline: true), Programs.SdkCaller);
}
