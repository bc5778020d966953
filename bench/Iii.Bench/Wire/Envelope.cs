using System.Text.Json;

namespace Iii.Bench.Wire;

/// <summary>
/// The top level of one protocol message. Payloads are skipped, not read: only their position is kept.
/// Of a key that occurs twice the last one counts.
/// </summary>
internal struct Envelope
{
    public MessageKind Kind;
    public Guid InvocationId;
    public Slice Id;
    public Slice FunctionId;
    public Slice TriggerType;
    public Slice Data;
    public Slice Result;
    public Slice Error;

    public readonly bool HasInvocationId => InvocationId != Guid.Empty;

    public static bool TryRead(ReadOnlySpan<byte> message, out Envelope envelope)
    {
        envelope = default;
        try
        {
            var reader = new Utf8JsonReader(message);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                envelope.ReadMember(ref reader);
            }

            return reader.TokenType == JsonTokenType.EndObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void ReadMember(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("invocation_id"u8))
        {
            reader.Read();
            InvocationId = reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var id) ? id : default;
        }
        else if (reader.ValueTextEquals("result"u8))
        {
            Result = ReadValue(ref reader);
        }
        else if (reader.ValueTextEquals("data"u8))
        {
            Data = ReadValue(ref reader);
        }
        else if (reader.ValueTextEquals("function_id"u8))
        {
            FunctionId = ReadText(ref reader);
        }
        else if (reader.ValueTextEquals("type"u8))
        {
            reader.Read();
            Kind = KindOf(ref reader);
        }
        else if (reader.ValueTextEquals("error"u8))
        {
            Error = ReadValue(ref reader);
        }
        else if (reader.ValueTextEquals("id"u8))
        {
            Id = ReadText(ref reader);
        }
        else if (reader.ValueTextEquals("trigger_type"u8))
        {
            TriggerType = ReadText(ref reader);
        }
        else
        {
            reader.Read();
            reader.Skip();
        }
    }

    private static MessageKind KindOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            return MessageKind.Other;
        }

        return reader.ValueTextEquals("invocationresult"u8) ? MessageKind.InvocationResult
            : reader.ValueTextEquals("invokefunction"u8) ? MessageKind.InvokeFunction
            : reader.ValueTextEquals("registerfunction"u8) ? MessageKind.RegisterFunction
            : reader.ValueTextEquals("registertrigger"u8) ? MessageKind.RegisterTrigger
            : MessageKind.Other;
    }

    /// <summary>The value as it stands, quotes and braces included; null counts as absent.</summary>
    private static Slice ReadValue(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return default;
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return new Slice(start, (int)reader.BytesConsumed - start);
    }

    /// <summary>The characters between the quotes, still escaped as they were sent.</summary>
    private static Slice ReadText(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            return new Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
        }

        reader.Skip();
        return default;
    }
}
