using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Iii.Bench.Wire;

namespace Iii.Bench.Workers;

/// <summary>The tuned worker: one function that adds <c>a</c> and <c>b</c>, called directly or through HTTP.</summary>
internal sealed class AdditionWorker(WorkerConnection connection)
{
    public const string FunctionId = "math.add";
    private const int MaxReplyBytes = 256;

    public void Register(RouteSet routes)
    {
        Send($$"""{"type":"registerfunction","id":"{{FunctionId}}"}""");
        var number = 0;
        foreach (var pattern in routes.Patterns)
        {
            var triggerId = new Guid(++number, 0, 0x4000, 0x80, 0, 0, 0, 0, 0, 0, 0);
            Send($$$"""
                {"type":"registertrigger","id":"{{{triggerId}}}","trigger_type":"http","function_id":"{{{FunctionId}}}","config":{"api_path":"{{{pattern}}}","http_method":"POST"}}
                """);
        }

        connection.Flush();
    }

    public void Handle(ReadOnlySpan<byte> message)
    {
        if (Envelope.TryRead(message, out var call) && call.Kind == MessageKind.InvokeFunction && call.HasInvocationId)
        {
            Reply(call.InvocationId, Sum(call.Data.Of(message)));
        }
    }

    private void Reply(Guid invocationId, long sum)
    {
        Span<byte> reply = stackalloc byte[MaxReplyBytes];
        var at = Append(reply, 0, """{"type":"invocationresult","invocation_id":"""u8);
        reply[at++] = (byte)'"';
        invocationId.TryFormat(reply[at..], out var written);
        at = Append(reply, at + written, "\",\"function_id\":\"math.add\",\"result\":{\"status_code\":200,\"body\":{\"c\":"u8);
        Utf8Formatter.TryFormat(sum, reply[at..], out written);
        at = Append(reply, at + written, "}}}"u8);
        connection.Send(reply[..at]);
    }

    /// <summary>Adds the members of the input, or those of its body when it is an HTTP request.</summary>
    private static long Sum(ReadOnlySpan<byte> data)
    {
        long sum = 0;
        var reader = new Utf8JsonReader(data);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isAddend = reader.ValueTextEquals("a"u8) || reader.ValueTextEquals("b"u8);
            var isBody = reader.ValueTextEquals("body"u8);
            reader.Read();
            if (isAddend)
            {
                sum += reader.GetInt64();
            }
            else if (isBody && reader.TokenType == JsonTokenType.StartObject)
            {
                return Sum(data[(int)reader.TokenStartIndex..]);
            }
            else
            {
                reader.Skip();
            }
        }

        return sum;
    }

    private static int Append(Span<byte> target, int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(target[at..]);
        return at + text.Length;
    }

    private void Send(string message) => connection.Send(Encoding.UTF8.GetBytes(message));
}
