namespace Iii.Engine.Channels;

/// <summary>The two ends of a channel, named as the one who holds the end sees it.</summary>
internal enum ChannelDirection
{
    Read,
    Write,
}
