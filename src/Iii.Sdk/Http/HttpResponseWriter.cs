using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Iii.Sdk.Wire;

namespace Iii.Sdk;

/// <summary>
/// The answer to one HTTP request: buffered (<see cref="WriteJson"/>, <see cref="WriteText"/>), or streamed
/// (<see cref="StartStreamAsync"/>).
/// </summary>
public sealed class HttpResponseWriter
{
    private readonly IiiWorker _worker;
    private readonly ChannelRef? _channel;
    private IiiChannelWriter? _stream;
    private byte[] _bodyJson = [];

    internal HttpResponseWriter(IiiWorker worker, ChannelRef? channel) => (_worker, _channel) = (worker, channel);

    /// <summary>The status. Default 200. Later than the first byte of a stream it has no effect.</summary>
    public int StatusCode { get; set; } = 200;

    /// <summary>The headers. Later than the first byte of a stream they have no effect.</summary>
    public IDictionary<string, string> Headers { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Answers with JSON.</summary>
    public void WriteJson<T>(T value, JsonTypeInfo<T> type) => Set(JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Answers with text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="contentType">What kind of text it is.</param>
    public void WriteText(string text, string contentType = "text/plain; charset=utf-8")
    {
        Headers["content-type"] = contentType;
        using var json = MessageWriter.Rent();
        json.AppendText(text);
        Set(json.Span.ToArray());
    }

    /// <summary>Sends status and headers, and gives the stream of the body: what is written to it reaches the client as it comes.</summary>
    /// <remarks>The response ends with the handler; disposing of the stream ends it before that.</remarks>
    /// <exception cref="NotSupportedException">The engine offers no channel for this response.</exception>
    public async ValueTask<Stream> StartStreamAsync(CancellationToken cancellation = default)
    {
        if (_channel is null)
        {
            throw new NotSupportedException("The engine gave no channel for this response: answer with WriteJson or WriteText.");
        }

        if (_stream is null)
        {
            _stream = _worker.OpenWriter(_channel);
            await _stream.SendTextAsync($$"""{"type":"set_status","status_code":{{StatusCode}}}""", cancellation).ConfigureAwait(false);
            if (Headers.Count > 0)
            {
                await _stream.SendTextAsync(HeadersMessage(), cancellation).ConfigureAwait(false);
            }
        }

        return _stream.AsStream();
    }

    /// <summary>Ends the response after the handler.</summary>
    /// <returns>The result of the function; empty when the response was streamed.</returns>
    internal async ValueTask<ReadOnlyMemory<byte>> EndAsync()
    {
        if (_stream is not null)
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
            return default;
        }

        using var result = MessageWriter.Rent();
        result.Append("{\"status_code\":"u8);
        result.Append(StatusCode);
        result.Append(",\"headers\":"u8);
        AppendHeaders(result);
        result.Append(",\"body\":"u8);
        result.Append(_bodyJson.Length == 0 ? "null"u8 : _bodyJson);
        result.Append("}"u8);
        return result.Span.ToArray();
    }

    /// <summary>Cuts the response off after a failure, so that the client does not take it for complete.</summary>
    internal void Abort() => _stream?.Abort();

    private void Set(byte[] bodyJson)
    {
        if (_stream is not null)
        {
            throw new InvalidOperationException("The response is being streamed; write to its stream.");
        }

        _bodyJson = bodyJson;
    }

    private string HeadersMessage()
    {
        using var message = MessageWriter.Rent();
        message.Append("""{"type":"set_headers","headers":"""u8);
        AppendHeaders(message);
        message.Append("}"u8);
        return System.Text.Encoding.UTF8.GetString(message.Span);
    }

    private void AppendHeaders(MessageWriter message)
    {
        message.Append("{"u8);
        var isFirst = true;
        foreach (var (name, value) in Headers)
        {
            message.Append(isFirst ? default : ","u8);
            message.AppendText(name);
            message.Append(":"u8);
            message.AppendText(value);
            isFirst = false;
        }

        message.Append("}"u8);
    }
}
