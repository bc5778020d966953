namespace Iii.Engine.Channels;

/// <summary>How the writing of a channel ended.</summary>
internal enum ChannelEnding
{
    /// <summary>The writer may still write.</summary>
    None,

    /// <summary>The writer said that this is all.</summary>
    Completed,

    /// <summary>The writer went without saying so: what was read may be only a part.</summary>
    Lost,
}
