namespace Iii.Engine.Cluster.Wire;

/// <summary>What a frame between instances is. The numbers go over the bus: never change one, only add.</summary>
internal enum ClusterFrameKind : byte
{
    /// <summary>To all: an instance is new here and wants everybody's catalog.</summary>
    Hello = 1,

    /// <summary>To all, at every interval: I am here, and this is the state of my catalog.</summary>
    Heartbeat = 2,

    /// <summary>To all: what has changed in my catalog.</summary>
    Delta = 3,

    /// <summary>To all: I take no more work; forget what I provide.</summary>
    Goodbye = 4,

    /// <summary>To one: send me your whole catalog.</summary>
    SnapshotRequest = 10,

    /// <summary>To one: my whole catalog.</summary>
    Snapshot = 11,

    /// <summary>To one: nothing; whether somebody listens is what matters.</summary>
    Probe = 12,

    /// <summary>To one: frames of yours to me, or of mine to you, may have been lost.</summary>
    Gap = 13,

    /// <summary>To one: several frames, one behind the other.</summary>
    Batch = 14,

    /// <summary>To one: call a function.</summary>
    Invoke = 20,

    /// <summary>To one: how a call ended.</summary>
    Result = 21,

    /// <summary>To one: a call that was not carried out, with all that it said.</summary>
    Bounce = 22,

    /// <summary>To one: a piece of a frame that is too large for the bus.</summary>
    Part = 30,

    /// <summary>To one: so much of it has come.</summary>
    PartAck = 31,

    /// <summary>To one: what the provider of a trigger type says about a trigger of your worker.</summary>
    TriggerReport = 40,

    /// <summary>To one: a worker of yours has connected elsewhere and continues there.</summary>
    Retire = 41,

    /// <summary>To one: a socket here wants an end of a channel of yours.</summary>
    ChannelClaim = 50,

    /// <summary>To one: whether the socket may have the end.</summary>
    ChannelClaimed = 51,

    /// <summary>To one: a message, or a piece of one, of a channel.</summary>
    ChannelData = 52,

    /// <summary>To one: so many bytes of a channel have been taken.</summary>
    ChannelCredit = 53,

    /// <summary>To one: the writing of a channel has ended.</summary>
    ChannelEnd = 54,

    /// <summary>To one: the reader of a channel has gone.</summary>
    ChannelReaderGone = 55,
}
