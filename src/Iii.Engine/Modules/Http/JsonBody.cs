using System.Text.Json;
using System.Text.Unicode;
using Iii.Protocol;

namespace Iii.Engine.Modules.Http;

/// <summary>A request's JSON body, checked once and kept byte for byte.</summary>
internal ref struct JsonBody
{
    // The input and the frame around it are two levels more.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = WireLimits.MaxDepth - 2 };

    private FrameBuilder _members;
    private bool _hasMembers;

    /// <summary>The value without the white space around it; empty when there is no valid one.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Reads a body. One that is empty, or not JSON, has no value: the function then gets <c>null</c>.</summary>
    /// <param name="bytes">The body as it came.</param>
    /// <param name="mergeMembers">Whether the members of an object are wanted for the top level of the input.</param>
    public static JsonBody Read(ReadOnlySpan<byte> bytes, bool mergeMembers)
    {
        var body = default(JsonBody);
        if (bytes.IsEmpty || !Utf8.IsValid(bytes))
        {
            return body;
        }

        try
        {
            var reader = new Utf8JsonReader(bytes, Options);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            if (mergeMembers && reader.TokenType == JsonTokenType.StartObject)
            {
                body._members = new FrameBuilder(bytes.Length + 16);
                body._hasMembers = true;
                body.ReadMembers(ref reader, bytes);
            }
            else
            {
                reader.Skip();
            }

            var end = (int)reader.BytesConsumed;

            // Reads to the end: anything but white space is an error.
            reader.Read();
            body.Value = bytes[start..end];
        }
        catch (JsonException)
        {
            body.DropMembers();
        }

        return body;
    }

    /// <summary>Writes the members that may stand beside the request's own, each with a comma before it, as they came.</summary>
    public void MoveMembersTo(ref FrameBuilder target)
    {
        if (_hasMembers)
        {
            var frame = _members.Build();
            target.Append(frame.Span);
            frame.Return();
            _hasMembers = false;
        }
    }

    private void ReadMembers(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var isMerged = reader.ValueIsEscaped ? IsFreeEscaped(ref reader) : IsFree(reader.ValueSpan);
            reader.Read();
            reader.Skip();
            if (isMerged)
            {
                _members.Append(","u8);
                _members.Append(bytes[start..(int)reader.BytesConsumed]);
            }
        }
    }

    private void DropMembers()
    {
        if (_hasMembers)
        {
            _members.Build().Return();
            _hasMembers = false;
        }
    }

    private static bool IsFreeEscaped(ref Utf8JsonReader reader)
    {
        try
        {
            return IsFree(System.Text.Encoding.UTF8.GetBytes(reader.GetString()!));
        }
        catch (InvalidOperationException)
        {
            // Not Unicode, so nobody can ask for it by name; it is still in the body.
            return false;
        }
    }

    // The request's own names cannot be taken, nor those of the engine, which begin with an underscore.
    private static bool IsFree(ReadOnlySpan<byte> name) => name.Length switch
    {
        0 => true,
        _ when name[0] == (byte)'_' => false,
        4 => !name.SequenceEqual("path"u8) && !name.SequenceEqual("body"u8),
        6 => !name.SequenceEqual("method"u8),
        7 => !name.SequenceEqual("headers"u8) && !name.SequenceEqual("trigger"u8),
        8 => !name.SequenceEqual("response"u8),
        11 => !name.SequenceEqual("path_params"u8),
        12 => !name.SequenceEqual("query_params"u8) && !name.SequenceEqual("request_body"u8),
        _ => true,
    };
}
