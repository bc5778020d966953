using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Iii.Bench.Wire;
using Microsoft.AspNetCore.Http;

namespace Iii.Bench.Relay;

/// <summary>The messages the relay writes itself. Each thread has one writer over one pooled buffer.</summary>
internal static class EngineMessages
{
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    [ThreadStatic]
    private static Draft? s_draft;

    public static Message WorkerRegistered(Guid workerId)
    {
        var draft = Begin("workerregistered"u8);
        draft.Json.WriteString("worker_id"u8, workerId);
        return draft.Finish();
    }

    public static Message FunctionNotFound(Guid invocationId, ReadOnlySpan<byte> functionId)
    {
        var draft = Begin("invocationresult"u8);
        draft.Json.WriteString("invocation_id"u8, invocationId);
        draft.Json.WriteString("function_id"u8, functionId);
        draft.Json.WriteStartObject("error"u8);
        draft.Json.WriteString("code"u8, "function_not_found"u8);
        draft.Json.WriteString("message"u8, "Function not found"u8);
        draft.Json.WriteEndObject();
        return draft.Finish();
    }

    /// <summary>The call of an HTTP request. Its body is validated once and pasted.</summary>
    /// <exception cref="JsonException">The body is not JSON.</exception>
    public static Message HttpInvocation(
        Guid invocationId, ReadOnlySpan<byte> functionId, HttpRequest request, in ReadOnlySequence<byte> body)
    {
        var draft = Begin("invokefunction"u8);
        var json = draft.Json;
        json.WriteString("invocation_id"u8, invocationId);
        json.WriteString("function_id"u8, functionId);
        json.WriteStartObject("data"u8);
        json.WriteString("method"u8, request.Method);
        json.WriteString("path"u8, request.Path.Value);
        json.WriteStartObject("headers"u8);
        foreach (var header in request.Headers)
        {
            json.WriteString(header.Key, header.Value.ToString());
        }

        json.WriteEndObject();
        json.WriteStartObject("query_params"u8);
        json.WriteEndObject();
        json.WriteStartObject("path_params"u8);
        json.WriteEndObject();
        json.WritePropertyName("body"u8);
        if (body.IsEmpty)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteRawValue(body);
        }

        json.WriteEndObject();
        return draft.Finish();
    }

    private static Draft Begin(ReadOnlySpan<byte> type)
    {
        var draft = s_draft ??= new Draft();
        draft.Restart();
        draft.Json.WriteStartObject();
        draft.Json.WriteString("type"u8, type);
        return draft;
    }

    private sealed class Draft
    {
        private readonly PooledBuffer _buffer = new();

        public Draft() => Json = new Utf8JsonWriter(_buffer, Options);

        public Utf8JsonWriter Json { get; }

        public void Restart()
        {
            _buffer.Clear();
            Json.Reset();
        }

        public Message Finish()
        {
            Json.WriteEndObject();
            Json.Flush();
            return _buffer.Detach();
        }
    }
}
