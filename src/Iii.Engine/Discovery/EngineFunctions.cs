using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Iii.Engine.Invocations;
using Iii.Protocol;

namespace Iii.Engine.Discovery;

/// <summary>Adds functions of the engine to the directory, and reads and writes their JSON.</summary>
internal sealed class EngineFunctions(FunctionDirectory functions, DeadlineSweeper deadlines)
{
    private static readonly JsonWriterOptions WriterOptions =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = WireLimits.MaxDepth, SkipValidation = true };

    /// <summary>Adds a function. Its owner is this object, so no worker can replace or remove it.</summary>
    public void Add(string id, string description, EngineFunctionHandler handler) => functions.Register(
        new FunctionRegistration(id, new EngineFunction(handler, deadlines), this, new FunctionDetails(description)));

    /// <summary>Adds a function that answers at once with what it writes, from an input that is a JSON object.</summary>
    public void Add(string id, string description, Action<EngineCall, JsonElement, Utf8JsonWriter> write) =>
        Add(id, description, (call, _) =>
        {
            using var input = ReadObject(call);
            return ValueTask.FromResult(Write(writer => write(call, input.RootElement, writer)));
        });

    /// <summary>Writes one JSON value that a part of the engine passes to a function.</summary>
    public static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            write(writer);
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Writes JSON as it came, or null.</summary>
    public static void WriteRawOrNull(Utf8JsonWriter writer, string name, byte[]? json)
    {
        writer.WritePropertyName(name);
        if (json is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            writer.WriteRawValue(json, skipInputValidation: true);
        }
    }

    /// <summary>An optional string member of an input.</summary>
    public static string? Text(EngineCall call, JsonElement input, string name) =>
        input.TryGetProperty(name, out var value) ? value.ValueKind switch
        {
            JsonValueKind.String => TextOf(call, value, name),
            JsonValueKind.Null => null,
            _ => throw Unreadable(call, $"'{name}' must be a string, not {KindOf(value)}"),
        }
        : null;

    /// <summary>The text of a member that is a JSON string.</summary>
    public static string TextOf(EngineCall call, JsonElement text, string name)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Unreadable(call, $"'{name}' must be valid text, without half of a surrogate pair");
        }
    }

    /// <summary>An optional boolean member of an input; false when absent.</summary>
    public static bool Flag(EngineCall call, JsonElement input, string name) => input.TryGetProperty(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False or JsonValueKind.Null => false,
        _ => throw Unreadable(call, $"'{name}' must be true or false, not {KindOf(value)}"),
    };

    /// <summary>The input of a function, which must be a JSON object.</summary>
    public static JsonDocument ReadObject(EngineCall call)
    {
        try
        {
            var document = JsonDocument.Parse(
                call.Data.IsEmpty ? "null"u8.ToArray() : call.Data, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw Unreadable(call, $"a JSON object was expected, not {KindOf(document.RootElement)}");
        }
        catch (JsonException e)
        {
            throw Unreadable(call, e.Message);
        }
    }

    /// <summary>What kind of value it is, for messages.</summary>
    public static string KindOf(JsonElement value) => value.ValueKind.ToString().ToLowerInvariant();

    /// <summary>The failure of a function whose input cannot be read.</summary>
    public static EngineFunctionException Unreadable(EngineCall call, string detail) =>
        new(ErrorCodes.DeserializationError, $"Failed to deserialize input for {call.FunctionId}: {detail}");
}
