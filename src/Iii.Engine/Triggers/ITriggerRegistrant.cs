using Iii.Protocol;

namespace Iii.Engine.Triggers;

/// <summary>Somebody who registers triggers or provides a trigger type, and can be told about them.</summary>
internal interface ITriggerRegistrant
{
    /// <summary>The registrant's worker id.</summary>
    string WorkerId { get; }

    /// <summary>Sends a frame, or returns it to the pool when the registrant is gone. Never blocks.</summary>
    void Send(Frame frame);
}
