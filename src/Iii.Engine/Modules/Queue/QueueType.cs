namespace Iii.Engine.Modules.Queue;

/// <summary>How a queue hands out its jobs.</summary>
public enum QueueType
{
    /// <summary>Side by side, roughly in order.</summary>
    Standard,

    /// <summary>One after the other within a group, failed attempts included; groups side by side.</summary>
    Fifo,
}
