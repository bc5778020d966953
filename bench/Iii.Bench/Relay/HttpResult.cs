using System.Text.Json;
using Iii.Bench.Wire;
using Microsoft.AspNetCore.Http;

namespace Iii.Bench.Relay;

/// <summary>What a function answers to HTTP: a status code and a body, found at the result's top level.</summary>
internal readonly record struct HttpResult(int Status, Slice Body)
{
    public static HttpResult Read(ReadOnlySpan<byte> result)
    {
        var status = StatusCodes.Status200OK;
        Slice body = default;
        var reader = new Utf8JsonReader(result);
        if (result.IsEmpty || !reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return new HttpResult(status, new Slice(0, result.Length));
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isStatus = reader.ValueTextEquals("status_code"u8);
            var isBody = reader.ValueTextEquals("body"u8);
            reader.Read();
            if (isStatus && reader.TokenType == JsonTokenType.Number)
            {
                status = reader.GetInt32();
                continue;
            }

            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            body = isBody ? new Slice(start, (int)reader.BytesConsumed - start) : body;
        }

        return new HttpResult(status, body);
    }
}
