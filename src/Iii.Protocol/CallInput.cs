namespace Iii.Protocol;

/// <summary>The input of a call as the function gets it.</summary>
public static class CallInput
{
    /// <summary>
    /// Writes an input. Into an object the calling worker's id is put as last member <c>_caller_worker_id</c>, so that it
    /// wins over one of the caller's making; any other value stays as it is (protocol §3.2).
    /// </summary>
    /// <param name="frame">Where to write to.</param>
    /// <param name="dataJson">The input, one JSON value; empty is written as <c>null</c>.</param>
    /// <param name="callerWorkerIdJson">The calling worker's id as JSON string; empty when the engine calls.</param>
    public static void AppendTo(ref FrameBuilder frame, ReadOnlySpan<byte> dataJson, ReadOnlySpan<byte> callerWorkerIdJson)
    {
        if (dataJson.IsEmpty)
        {
            frame.Append("null"u8);
        }
        else if (callerWorkerIdJson.IsEmpty || dataJson[0] != (byte)'{')
        {
            frame.Append(dataJson);
        }
        else
        {
            var members = dataJson[..^1].TrimEnd(" \t\r\n"u8);
            frame.Append(members);
            frame.Append(members.Length == 1 ? "\"_caller_worker_id\":"u8 : ",\"_caller_worker_id\":"u8);
            frame.Append(callerWorkerIdJson);
            frame.Append("}"u8);
        }
    }
}
