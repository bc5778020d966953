namespace Iii.Broker;

/// <summary>One frame as a subscription gets it.</summary>
/// <param name="Frame">The bytes that were published.</param>
/// <param name="AfterGap">
/// True when frames before this one were lost to the subscription, or may have been: its buffer was full, or the adapter had lost
/// its connection. Who depends on every frame repairs its picture now.
/// </param>
public readonly record struct BusDelivery(ReadOnlyMemory<byte> Frame, bool AfterGap);
