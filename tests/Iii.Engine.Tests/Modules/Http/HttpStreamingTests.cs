using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Iii.Engine.Modules.Http;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpStreamingTests
{
    private static readonly HttpOptions Patient = new() { ResponseGraceMs = 20_000 };

    [Fact]
    public async Task Head_and_pieces_reach_the_client_one_by_one_though_the_result_came_first()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        await f.Worker.AnswerAsync(call, """ "result":null """);
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":206}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"content-type":"text/event-stream","x-a":"1","connection":"keep-alive"}}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-a":"2","x-many":["a","b"],"bad name":"x","x-bad":"\u0001","x-no":null}}""");
        await writer.WriteAsync("data: 1\n\n"u8.ToArray());
        using var response = await sending;
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(["2"], response.Headers.GetValues("x-a"));
        Assert.Equal(["a", "b"], response.Headers.GetValues("x-many"));
        Assert.False(response.Headers.Contains("x-bad") || response.Headers.Contains("x-no"));
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("access-control-allow-origin")));
        using var body = await response.Content.ReadAsStreamAsync();
        Assert.Equal("data: 1\n\n", await NextAsync(body));
        await writer.WriteAsync("""{"type":"set_status","status_code":500}""");
        await writer.WriteAsync("data: 2\n\n"u8.ToArray());
        Assert.Equal("data: 2\n\n", await NextAsync(body));
        await writer.CloseAsync();
        Assert.Equal("", await NextAsync(body));
    }

    [Fact]
    public async Task Channel_closed_without_a_piece_is_an_empty_response_without_the_result()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":204}""");
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("", await response.TextAsync());
    }

    [Theory]
    [InlineData("99")]
    [InlineData("600")]
    [InlineData("100")]
    [InlineData("\"404\"")]
    [InlineData("404.5")]
    public async Task Status_that_is_none_and_texts_that_say_nothing_are_ignored(string status)
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":201}""");
        await writer.WriteAsync($$"""{"type":"set_status","status_code":{{status}}}""");
        foreach (var text in new[] { "hello", "", "[]", "{}", """{"type":7}""", """{"type":"set_body","body":"x"}""", """{"type":"set_headers","headers":7}""" })
        {
            await writer.WriteAsync(text);
        }

        await writer.WriteAsync("body"u8.ToArray());
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("body", await response.TextAsync());
    }

    [Fact]
    public async Task More_control_messages_than_the_channel_holds_do_not_stop_it()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        for (var i = 0; i < 500; i++)
        {
            await writer.WriteAsync($$$"""{"type":"set_headers","headers":{"x-n":"{{{i}}}"}}""");
        }

        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(["499"], response.Headers.GetValues("x-n"));
    }

    [Fact]
    public async Task Value_beats_control_messages_that_came_before_it()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":418}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-a":"1"}}""");
        await f.Worker.AnswerAsync(call, """ "result":{"status_code":201,"body":{"a":1}} """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.False(response.Headers.Contains("x-a"));
        Assert.Equal("""{"a":1}""", await response.TextAsync());
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    public async Task Piece_that_is_there_beats_the_result()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("streamed"u8.ToArray());
        using var response = await sending;
        await f.Worker.AnswerAsync(call, """ "result":{"status_code":500,"body":"no"} """);
        await writer.CloseAsync();
        Assert.Equal((HttpStatusCode.OK, "streamed"), (response.StatusCode, await response.TextAsync()));
    }

    [Fact]
    public async Task Error_before_the_first_piece_is_500_and_after_it_is_ignored()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using (var writer = await f.OpenAsync(call, "response"))
        {
            await writer.WriteAsync("""{"type":"set_status","status_code":201}""");
            await f.Worker.AnswerAsync(call, """ "error":{"code":"x","message":"secret"} """);
            using var failed = await sending;
            Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
            Assert.DoesNotContain("secret", await failed.TextAsync(), StringComparison.Ordinal);
        }

        sending = f.SendAsync();
        call = await f.NextCallAsync();
        using var second = await f.OpenAsync(call, "response");
        await second.WriteAsync("a"u8.ToArray());
        using var response = await sending;
        await f.Worker.AnswerAsync(call, """ "error":{"code":"x","message":"late"} """);
        await second.WriteAsync("b"u8.ToArray());
        await second.CloseAsync();
        Assert.Equal((HttpStatusCode.OK, "ab"), (response.StatusCode, await response.TextAsync()));
    }

    [Fact]
    public async Task Function_without_value_that_never_opens_the_channel_is_204_after_the_grace()
    {
        await using var f = await StreamedFunction.StartAsync(new HttpOptions { ResponseGraceMs = 300 });
        var started = Stopwatch.GetTimestamp();
        var sending = f.SendAsync();
        await f.Worker.AnswerAsync(await f.NextCallAsync(), """ "result":null """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 250, 15_000);
    }

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.2.1")]
    public async Task Worker_whose_sdk_knows_no_channels_is_not_waited_for(string version)
    {
        await using var f = await StreamedFunction.StartAsync(Patient, version: version);
        var started = Stopwatch.GetTimestamp();
        var sending = f.SendAsync();
        await f.Worker.AnswerAsync(await f.NextCallAsync(), """ "result":null """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 0, 15_000);
    }

    [Fact]
    public async Task Channel_that_stays_silent_after_an_empty_result_is_504()
    {
        await using var f = await StreamedFunction.StartAsync(new HttpOptions { DefaultTimeoutMs = 400, ResponseGraceMs = 50 });
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using var writer = await f.OpenAsync(call, "response");
        await f.Worker.AnswerAsync(call, """ "result":null """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    public async Task Timeout_does_not_count_once_the_head_is_sent()
    {
        await using var f = await StreamedFunction.StartAsync(new HttpOptions { DefaultTimeoutMs = 500 });
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("a"u8.ToArray());
        using var response = await sending;

        // Another call times out meanwhile: so time enough has passed.
        using var other = await f.SendAsync();
        Assert.Equal(HttpStatusCode.GatewayTimeout, other.StatusCode);
        await writer.WriteAsync("b"u8.ToArray());
        await writer.CloseAsync();
        Assert.Equal("ab", await response.TextAsync());
    }

    [Fact]
    public async Task Writer_lost_in_the_middle_cuts_the_clients_connection()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        await f.Worker.AnswerAsync(call, """ "result":null """);
        var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("half of i"u8.ToArray());
        using var response = await sending;
        writer.Abort();
        await Assert.ThrowsAnyAsync<Exception>(() => response.TextAsync());
    }

    [Fact]
    public async Task Writer_lost_before_the_head_is_the_functions_failure()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":201}""");
        writer.Abort();
        await f.Worker.AnswerAsync(call, """ "result":null """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
    }

    [Fact]
    public async Task Worker_lost_before_the_head_is_500_at_once()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        f.Worker.Abort();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_that_leaves_closes_the_channel_at_once(bool isStreaming)
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        using var leaving = new CancellationTokenSource();
        var sending = f.SendAsync(cancellation: leaving.Token);
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        if (isStreaming)
        {
            await writer.WriteAsync("a"u8.ToArray());
            (await sending).Dispose();
        }
        else
        {
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        }

        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    public async Task Head_request_gets_the_head_alone()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync(method: HttpMethod.Head);
        using var writer = await f.OpenAsync(await f.NextCallAsync(), "response");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-a":"1"}}""");
        await writer.WriteAsync("body"u8.ToArray());
        using var response = await sending;
        Assert.Equal(["1"], response.Headers.GetValues("x-a"));
        Assert.Equal("", await response.TextAsync());
        Assert.Null(await writer.ReadAsync());
    }

    [Theory]
    [InlineData("application/json", "{\"a\": 1}  ")]
    [InlineData("application/json", "{broken")]
    [InlineData("application/json", "")]
    [InlineData("application/x-www-form-urlencoded", "a=1&b=2")]
    [InlineData("text/plain", "text")]
    public async Task Body_is_on_its_channel_byte_for_byte_whatever_it_is(string contentType, string body)
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("content-type", contentType);
        var sending = f.SendAsync(content);
        var call = await f.NextCallAsync();
        using var reader = await f.OpenAsync(call, "request_body");
        Assert.Equal(body.Length == 0 ? "" : "b:" + body, await reader.ReadAllAsync());
        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
        await reader.CloseAsync();
        await f.Worker.AnswerAsync(call);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Request_without_body_has_an_empty_channel()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        using var reader = await f.OpenAsync(call, "request_body");
        Assert.Equal("", await reader.ReadAllAsync());
        await f.Worker.AnswerAsync(call);
        (await sending).Dispose();
    }

    [Fact]
    public async Task Upload_beyond_the_limit_for_json_streams_with_back_pressure()
    {
        await using var f = await StreamedFunction.StartAsync(Patient with { BodyLimitBytes = 1000 });
        const int Size = 24 * 1024 * 1024;
        var content = new CountingContent(Size);
        var sending = f.SendAsync(content);
        var call = await f.NextCallAsync();
        Assert.Equal(JsonValueKind.Null, call.GetProperty("data").GetProperty("body").ValueKind);
        using var reader = await f.OpenAsync(call, "request_body");
        Assert.NotNull(await reader.ReadAsync());
        var seen = -1L;
        using (var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200)))
        {
            while (seen != content.Sent)
            {
                seen = content.Sent;
                await timer.WaitForNextTickAsync();
            }
        }

        Assert.InRange(seen, 1, Size - 1);
        var received = 0L;
        while (await reader.ReadAsync() is { } message)
        {
            received += message.Bytes.Length;
        }

        Assert.InRange(received, Size - (64 * 1024), Size - 1);
        await f.Worker.AnswerAsync(call);
        (await sending).Dispose();
    }

    [Fact]
    public async Task Client_that_leaves_in_its_body_breaks_the_channel_off()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, f.Engine.HttpPort);
        await client.GetStream().WriteAsync("POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"u8.ToArray());
        using var reader = await f.OpenAsync(await f.NextCallAsync(), "request_body");
        Assert.Equal("half", Encoding.UTF8.GetString((await reader.ReadAsync())!.Value.Bytes));
        client.Close();
        Assert.Null(await reader.ReadAsync());
        Assert.Equal(WebSocketCloseStatus.InternalServerError, reader.CloseStatus);
    }

    [Fact]
    public async Task Response_does_not_wait_for_a_body_that_is_still_read()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, f.Engine.HttpPort);
        var stream = client.GetStream();
        await stream.WriteAsync("POST /f HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf"u8.ToArray());
        var call = await f.NextCallAsync();
        using var reader = await f.OpenAsync(call, "request_body");
        Assert.Equal("half", Encoding.UTF8.GetString((await reader.ReadAsync())!.Value.Bytes));
        await f.Worker.AnswerAsync(call);
        var head = new byte[12];
        await stream.ReadExactlyAsync(head);
        Assert.Equal("HTTP/1.1 200", Encoding.ASCII.GetString(head));
        await stream.WriteAsync("rest"u8.ToArray());
        Assert.Equal("b:rest", await reader.ReadAllAsync());
    }

    [Fact]
    public async Task Condition_sees_no_channels_and_the_function_does()
    {
        await using var f = await StreamedFunction.StartAsync(Patient, ",\"condition_function_id\":\"c\"");
        await f.Worker.RegisterAsync("c");
        await f.Worker.BarrierAsync();
        var sending = f.SendAsync(new StringContent("{\"a\":1}", Encoding.UTF8, "application/json"));
        var asked = await f.Worker.NextCallAsync("c");
        var input = asked.GetProperty("data");
        Assert.False(input.TryGetProperty("request_body", out _) || input.TryGetProperty("response", out _));
        Assert.Equal(1, input.GetProperty("a").GetInt32());
        await f.Worker.AnswerAsync(asked, """ "result":true """);
        var call = await f.NextCallAsync();
        Assert.Equal("read", call.GetProperty("data").GetProperty("request_body").GetProperty("direction").GetString());
        Assert.Equal("write", call.GetProperty("data").GetProperty("response").GetProperty("direction").GetString());
        await f.Worker.AnswerAsync(call);
        (await sending).Dispose();
    }

    [Fact]
    public async Task Function_that_gets_the_body_alone_gets_no_channels()
    {
        await using var f = await StreamedFunction.StartAsync(Patient, ",\"input\":\"body\"");
        var sending = f.SendAsync(new StringContent("{\"a\":1}", Encoding.UTF8, "application/json"));
        var call = await f.NextCallAsync();
        Assert.Equal("""{"a":1}""", call.GetProperty("data").GetRawText());
        await f.Worker.AnswerAsync(call, """ "result":null """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    [Fact]
    public async Task Channels_of_a_request_are_gone_when_it_is_over()
    {
        await using var f = await StreamedFunction.StartAsync(Patient);
        var sending = f.SendAsync();
        var call = await f.NextCallAsync();
        await f.Worker.AnswerAsync(call);
        (await sending).Dispose();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                using var late = await f.OpenAsync(call, "response");
                return false;
            }
            catch (WebSocketException)
            {
                return true;
            }
        });
    }

    [Fact]
    public async Task Plain_functions_leave_no_channel_behind()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("f", "{}");
        await server.RouteAsync("f", """{"api_path":"f","http_method":"POST"}""");
        for (var i = 0; i < 20; i++)
        {
            (await server.PostJsonAsync("/f", "{\"a\":1}")).Dispose();
            (await server.SendAsync(HttpMethod.Post, "/f", new StringContent("x"))).Dispose();
        }

        await HttpServer.UntilAsync(() => server.Channels.Count == 0);
    }

    private static async Task<string> NextAsync(Stream body)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, await body.ReadAsync(buffer, timeout.Token));
    }

    /// <summary>A body without length that counts what it could send.</summary>
    private sealed class CountingContent(int size) : HttpContent
    {
        private long _sent;

        public long Sent => Interlocked.Read(ref _sent);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            var piece = new byte[64 * 1024];
            for (var rest = size; rest > 0; rest -= piece.Length)
            {
                await stream.WriteAsync(piece);
                await stream.FlushAsync();
                Interlocked.Add(ref _sent, piece.Length);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
