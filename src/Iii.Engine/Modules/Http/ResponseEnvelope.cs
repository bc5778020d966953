using System.Text.Json;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>
/// A function's result seen as HTTP response. An object with a member <c>status_code</c> (or <c>statusCode</c>),
/// <c>headers</c> or <c>body</c> describes a response; any other value is the body itself.
/// </summary>
internal readonly record struct ResponseEnvelope
{
    private const int OK = 200;
    private const int FirstFinalStatus = 200;
    private const int LastStatus = 999;

    private static readonly byte[] EmptyObject = "{}"u8.ToArray();

    /// <summary>The status. What is no final status (below 200, above 999, no integer) becomes 200.</summary>
    public required int Status { get; init; }

    /// <summary>The headers as JSON; empty when there are none.</summary>
    public ReadOnlyMemory<byte> Headers { get; private init; }

    /// <summary>The body: one JSON value; <c>{}</c> when an envelope has none.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Reads a result, looking at its top level only.</summary>
    public static ResponseEnvelope Read(ReadOnlyMemory<byte> result)
    {
        var bare = new ResponseEnvelope { Status = OK, Body = result };
        var reader = new Utf8JsonReader(result.Span, new JsonReaderOptions { MaxDepth = WireLimits.MaxDepth });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return bare;
        }

        var status = default(ReadOnlyMemory<byte>);
        var alias = default(ReadOnlyMemory<byte>);
        var headers = default(ReadOnlyMemory<byte>);
        var body = default(ReadOnlyMemory<byte>);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = MemberOf(ref reader);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            var value = result[start..(int)reader.BytesConsumed];
            switch (member)
            {
                case Member.Status: status = value; break;
                case Member.StatusAlias: alias = value; break;
                case Member.Headers: headers = value; break;
                case Member.Body: body = value; break;
                default: break;
            }
        }

        if (status.IsEmpty && alias.IsEmpty && headers.IsEmpty && body.IsEmpty)
        {
            return bare;
        }

        return new ResponseEnvelope
        {
            Status = ReadStatus(status.IsEmpty ? alias.Span : status.Span),
            Headers = headers,
            Body = body.IsEmpty ? EmptyObject : body,
        };
    }

    private enum Member
    {
        Other, Status, StatusAlias, Headers, Body,
    }

    private static Member MemberOf(ref Utf8JsonReader reader) =>
        reader.NameIs("body"u8) ? Member.Body
        : reader.NameIs("status_code"u8) ? Member.Status
        : reader.NameIs("headers"u8) ? Member.Headers
        : reader.NameIs("statusCode"u8) ? Member.StatusAlias
        : Member.Other;

    private static int ReadStatus(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        return !json.IsEmpty && reader.Read() && reader.TokenType == JsonTokenType.Number
            && reader.TryGetInt32(out var status) && status is >= FirstFinalStatus and <= LastStatus
            ? status
            : OK;
    }
}
