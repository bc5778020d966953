namespace Iii.Adapters.Redis;

/// <summary>Takes what comes in on a channel. Called by one loop per channel; it must be fast and must not throw.</summary>
internal interface IChannelSink
{
    /// <summary>A message. Its bytes never change and may be kept.</summary>
    void OnMessage(ReadOnlyMemory<byte> message);

    /// <summary>Messages may have been lost. On any thread.</summary>
    void OnGap();
}
