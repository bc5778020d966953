using System.Text.Json;

namespace Iii.Adapters.MassTransit.Jobs;

/// <summary>What MassTransit's default serializer puts around a message (<c>application/vnd.masstransit+json</c>).</summary>
/// <param name="Message">The bytes of the member <c>message</c>.</param>
/// <param name="MessageId">Its id.</param>
/// <param name="SentTime">When it was sent.</param>
internal readonly record struct Envelope(ReadOnlyMemory<byte> Message, Guid? MessageId, DateTimeOffset? SentTime)
{
    public static bool IsOne(string? mediaType) => string.Equals(mediaType, "application/vnd.masstransit+json", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="FormatException">It has no message.</exception>
    public static Envelope Read(ReadOnlyMemory<byte> body)
    {
        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 512 });
        ReadOnlyMemory<byte>? message = null;
        Guid? id = null;
        DateTimeOffset? sent = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new FormatException("The envelope of MassTransit is no object.");
        }

        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            var name = reader.GetString();
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            switch (name)
            {
                case "messageId" when reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var guid):
                    id = guid;
                    break;
                case "sentTime" when reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time):
                    sent = time;
                    break;
                default:
                    reader.Skip();
                    message = name == "message" ? body[start..(int)reader.BytesConsumed] : message;
                    break;
            }
        }

        return new Envelope(message ?? throw new FormatException("The envelope of MassTransit has no member 'message'."), id, sent);
    }
}
