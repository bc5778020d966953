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
