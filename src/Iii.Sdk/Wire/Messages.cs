namespace Iii.Sdk.Wire;

/// <summary>Builds what a worker sends (protocol §2). Arguments called <c>…Json</c> are spliced in as they are.</summary>
internal static class Messages
{
    public static void Reattach(MessageWriter message, string previousWorkerId, string token)
    {
        message.Append("""{"type":"reattach","previous_worker_id":"""u8);
        message.AppendText(previousWorkerId);
        message.Member(",\"reattach_token\":"u8, token);
        message.Append("}"u8);
    }

    public static void Unregister(MessageWriter message, ReadOnlySpan<byte> head, string id, string? triggerType = null)
    {
        message.Append(head);
        message.AppendText(id);
        message.Member(",\"trigger_type\":"u8, triggerType);
        message.Append("}"u8);
    }

    /// <summary>The part of a call in front of its input; without an id nobody answers it.</summary>
    public static void CallHead(MessageWriter message, ReadOnlySpan<byte> invocationIdJson, string functionId)
    {
        if (invocationIdJson.IsEmpty)
        {
            message.Append("""{"type":"invokefunction","function_id":"""u8);
        }
        else
        {
            message.Append("""{"type":"invokefunction","invocation_id":"""u8);
            message.Append(invocationIdJson);
            message.Append(",\"function_id\":"u8);
        }

        message.AppendText(functionId);
        message.Append(",\"data\":"u8);
    }

    /// <summary>The part of an answer in front of its result or error.</summary>
    public static void AnswerHead(MessageWriter message, ReadOnlySpan<byte> invocationIdJson, ReadOnlySpan<byte> functionIdJson)
    {
        message.Append("""{"type":"invocationresult","invocation_id":"""u8);
        message.Append(invocationIdJson);
        message.Append(",\"function_id\":"u8);
        message.Append(functionIdJson);
    }

    public static void Error(MessageWriter message, string code, string text, string? stackTrace)
    {
        message.Append("{\"code\":"u8);
        message.AppendText(code);
        message.Append(",\"message\":"u8);
        message.AppendText(text);
        message.Member(",\"stacktrace\":"u8, stackTrace);
        message.Append("}"u8);
    }

    public static void TriggerResult(MessageWriter message, string id, string type, string functionId, string? code, string? text)
    {
        message.Append("""{"type":"triggerregistrationresult","id":"""u8);
        message.AppendText(id);
        message.Member(",\"trigger_type\":"u8, type);
        message.Member(",\"function_id\":"u8, functionId);
        if (code is not null)
        {
            message.Append(",\"error\":"u8);
            Error(message, code, text ?? string.Empty, null);
        }

        message.Append("}"u8);
    }
}
