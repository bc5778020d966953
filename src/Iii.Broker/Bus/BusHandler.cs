namespace Iii.Broker;

/// <summary>Handles one frame of a subscription.</summary>
/// <param name="delivery">The frame; its bytes are lent until the returned task completes.</param>
/// <param name="cancellationToken">Set when the subscription has been draining for too long: come to an end.</param>
public delegate ValueTask BusHandler(BusDelivery delivery, CancellationToken cancellationToken);
