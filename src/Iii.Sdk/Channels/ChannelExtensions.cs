using Iii.Sdk.Channels;

namespace Iii.Sdk;

/// <summary>Channels: bytes and texts from one worker to another, in order and with back-pressure, beside the calls.</summary>
/// <example>
/// <code>
/// var channel = await worker.CreateChannelAsync();
/// await using var reader = worker.OpenReader(channel.Reader);
/// await worker.InvokeVoidAsync("tables::export", new Export("orders", channel.Writer), Json.Default.Export);
/// await reader.AsStream().CopyToAsync(file);
/// </code>
/// </example>
public static class ChannelExtensions
{
    /// <summary>Makes a channel.</summary>
    /// <param name="worker">The worker that makes it.</param>
    /// <param name="bufferSize">Messages that may wait in the engine, up to 1,024; null for its default, 64.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static ValueTask<ChannelPair> CreateChannelAsync(
        this IiiWorker worker, int? bufferSize = null, CancellationToken cancellation = default) =>
        worker.InvokeAsync(
            "engine::channels::create",
            new ChannelRequest(bufferSize),
            ChannelJson.Default.ChannelRequest,
            ChannelJson.Default.ChannelPair,
            cancellation: cancellation);

    /// <summary>Opens the end to write to. It connects with the first write.</summary>
    /// <exception cref="ArgumentException">It is the other end.</exception>
    public static IiiChannelWriter OpenWriter(this IiiWorker worker, ChannelRef channel) => new(Socket(worker, channel, ChannelRef.Write));

    /// <summary>Opens the end to read from. It connects with the first read.</summary>
    /// <exception cref="ArgumentException">It is the other end.</exception>
    public static IiiChannelReader OpenReader(this IiiWorker worker, ChannelRef channel) => new(Socket(worker, channel, ChannelRef.Read));

    private static ChannelSocket Socket(IiiWorker worker, ChannelRef channel, string direction)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(channel);
        if (channel.Direction != direction)
        {
            throw new ArgumentException($"This is the end to {channel.Direction}; the end to {direction} is needed.", nameof(channel));
        }

        return new ChannelSocket(ChannelSocket.AddressOf(worker.Url, channel), worker.Options);
    }
}
