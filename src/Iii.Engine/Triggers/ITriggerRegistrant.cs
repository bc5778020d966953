using Iii.Protocol;

namespace Iii.Engine.Triggers;

/// <summary>Somebody who registers triggers or provides a trigger type, and can be told about them.</summary>
/// <remarks>Members are called under the lock of the <see cref="TriggerDirectory"/>; they must not block or call back into it.</remarks>
internal interface ITriggerRegistrant
{
    /// <summary>The registrant's worker id.</summary>
    string WorkerId { get; }

    /// <summary>
    /// Whether it is connected to another instance. Then that instance sees to its registrations and tells it of its triggers, and what is
    /// known here is a copy.
    /// </summary>
    bool IsRemote => false;

    /// <summary>Sends a frame, or returns it to the pool when the registrant is gone. Never blocks. Not called on a remote one.</summary>
    void Send(Frame frame);

    /// <summary>Has the instance of a remote registrant told what became of its trigger. Only called on a remote one.</summary>
    void Forward(string registrationId, ReadOnlySpan<byte> errorJson) =>
        throw new InvalidOperationException("a worker that is connected here is told itself");
}
