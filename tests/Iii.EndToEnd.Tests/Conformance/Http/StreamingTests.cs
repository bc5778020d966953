using System.Net;
using System.Text;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>Responses that a function streams over its channel.</summary>
public class StreamingTests(SharedEngine engine)
{
    [Theory]
    [Trait("spec", "http 7.13")]
    [Trait("spec", "protocol 11.46")]
    [InlineData("\"result\":null")]
    [InlineData("\"nothing\":true")]
    public async Task All_that_is_written_is_delivered_though_an_empty_result_came_first(string answer)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        var call = await f.CallOfAsync(sending);
        await f.Worker.AnswerAsync(call, answer);
        await f.Worker.BarrierAsync();
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":206}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"content-type":"text/plain","x-a":"1"}}""");
        await writer.WriteAsync("one, "u8.ToArray());
        await writer.WriteAsync("two"u8.ToArray());
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal((HttpStatusCode.PartialContent, "text/plain"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal(["1"], response.Headers.GetValues("x-a"));
        Assert.Equal("one, two", await TextAsync(response));
    }

    /// <remarks>The function has not answered at all when the response is complete.</remarks>
    [Fact]
    [Trait("spec", "http 7.14")]
    public async Task Channel_closed_without_a_piece_is_an_empty_response_at_once()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":204}""");
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("", await TextAsync(response));
    }

    [Fact]
    [Trait("spec", "http 7.15")]
    public async Task Texts_after_the_first_piece_and_unknown_ones_are_no_part_of_the_response()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        foreach (var text in new[] { "hello", "", "[]", "{}", """{"type":7}""", """{"type":"set_body","body":"x"}""", """{"type":"set_headers","headers":7}""" })
        {
            await writer.WriteAsync(text);
        }

        await writer.WriteAsync("one, "u8.ToArray());
        await writer.WriteAsync("""{"type":"set_status","status_code":500}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-late":"1"}}""");
        await writer.WriteAsync("hello");
        await writer.WriteAsync("two"u8.ToArray());
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.False(response.Headers.Contains("x-late"));
        Assert.Equal("one, two", await TextAsync(response));
    }

    /// <remarks>A status below 200 cannot stand in a response's head and is ignored as well.</remarks>
    [Theory]
    [Trait("spec", "http 7.16")]
    [InlineData("99")]
    [InlineData("600")]
    [InlineData("100")]
    [InlineData("\"404\"")]
    [InlineData("404.5")]
    public async Task Status_that_is_none_is_ignored(string status)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":201}""");
        await writer.WriteAsync($$"""{"type":"set_status","status_code":{{status}}}""");
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    /// <remarks>A list of values is several headers of one name, which the reference leaves out.</remarks>
    [Fact]
    [Trait("spec", "http 7.16")]
    [Trait("spec", "protocol 11.47")]
    public async Task Headers_of_several_messages_are_merged_and_those_of_the_connection_do_no_harm()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"content-type":"text/event-stream","x-a":"1","x-b":"1","connection":"keep-alive"}}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-a":"2","x-many":["a","b"],"bad name":"x","x-bad":"\u0001","x-no":null,"x-number":7}}""");
        await writer.WriteAsync("body"u8.ToArray());
        await writer.CloseAsync();
        using var response = await sending;
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal("*", Assert.Single(response.Headers.GetValues("access-control-allow-origin")));
        Assert.Equal(["2"], response.Headers.GetValues("x-a"));
        Assert.Equal(["1"], response.Headers.GetValues("x-b"));
        Assert.Equal(["a", "b"], response.Headers.GetValues("x-many"));
        Assert.DoesNotContain(response.Headers, static header => header.Key is "bad name" or "x-bad" or "x-no");
        Assert.Equal("body", await TextAsync(response));
    }

    [Fact]
    [Trait("spec", "http 7.17")]
    public async Task Pieces_reach_the_client_one_by_one()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"content-type":"text/event-stream"}}""");
        await writer.WriteAsync("data: 0\n\n"u8.ToArray());
        using var response = await sending;
        using var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);

        // Each is sent only when the client has the one before.
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal($"data: {i}\n\n", await NextAsync(body));
            await writer.WriteAsync(Encoding.UTF8.GetBytes($"data: {i + 1}\n\n"));
        }

        Assert.Equal("data: 5\n\n", await NextAsync(body));
        await writer.CloseAsync();
        Assert.Equal("", await NextAsync(body));
    }

    [Fact]
    [Trait("spec", "http 7.18")]
    public async Task Value_beats_control_messages_that_came_before_it()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        var call = await f.CallOfAsync(sending);
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("""{"type":"set_status","status_code":418}""");
        await writer.WriteAsync("""{"type":"set_headers","headers":{"x-a":"1"}}""");
        await f.Worker.AnswerAsync(call, """ "result":{"status_code":201,"body":{"a":1}} """);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.False(response.Headers.Contains("x-a"));
        Assert.Equal("""{"a":1}""", await TextAsync(response));
        Assert.Null(await writer.ReadAsync());
    }

    [Fact]
    [Trait("spec", "http 7.18")]
    public async Task Piece_that_is_there_beats_the_result()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        var call = await f.CallOfAsync(sending);
        using var writer = await f.OpenAsync(call, "response");
        await writer.WriteAsync("streamed"u8.ToArray());
        using var response = await sending;
        await f.Worker.AnswerAsync(call, """ "result":{"status_code":500,"body":"no"} """);
        await writer.CloseAsync();
        Assert.Equal((HttpStatusCode.OK, "streamed"), (response.StatusCode, await TextAsync(response)));
    }

    [Fact]
    [Trait("spec", "http 7.19")]
    public async Task Failure_before_the_first_piece_is_500_and_after_it_is_ignored()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        var call = await f.CallOfAsync(sending);
        using (var writer = await f.OpenAsync(call, "response"))
        {
            await writer.WriteAsync("""{"type":"set_status","status_code":201}""");
            await f.Worker.AnswerAsync(call, """ "error":{"code":"x","message":"secret"} """);
            using var failed = await sending;
            Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
            Assert.DoesNotContain("secret", await TextAsync(failed), StringComparison.Ordinal);
        }

        sending = f.SendAsync();
        call = await f.CallOfAsync(sending);
        using var second = await f.OpenAsync(call, "response");
        await second.WriteAsync("a"u8.ToArray());
        using var response = await sending;
        await f.Worker.AnswerAsync(call, """ "error":{"code":"x","message":"late"} """);
        await second.WriteAsync("b"u8.ToArray());
        await second.CloseAsync();
        Assert.Equal((HttpStatusCode.OK, "ab"), (response.StatusCode, await TextAsync(response)));
    }

    private static async Task<string> NextAsync(Stream body)
    {
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, await body.ReadAsync(buffer, timeout.Token));
    }

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
