namespace Iii.Adapters.Redis;

/// <summary>Takes what comes in on a channel. Must be fast and must not throw.</summary>
internal interface IChannelSink
{
    /// <summary>A message. Its bytes never change and may be kept. One call at a time.</summary>
    void OnMessage(ReadOnlyMemory<byte> message);

    /// <summary>After one or several messages: what there is to do about them, which may take long; null when nothing is to be started.</summary>
    IThreadPoolWorkItem? TakeWork();

    /// <summary>Messages may have been lost. On any thread.</summary>
    void OnGap();
}
