namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Something was killed.</summary>
/// <param name="From">Before it was, on the machine's monotonic clock.</param>
/// <param name="To">When it was surely gone. Of the broker: when it was back and had had time to be noticed.</param>
/// <param name="What">For people.</param>
internal readonly record struct Kill(TimeSpan From, TimeSpan To, string What);
