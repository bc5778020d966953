using System.Text;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class HttpHandlerTests
{
    [Fact]
    public async Task Buffered_answer_goes_through_a_real_engine()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterHttpHandler("POST", "/orders/:id", static (request, response, _) =>
        {
            var terms = request.ReadJson(TestJson.Default.Terms)!;
            response.StatusCode = 201;
            response.Headers["x-order"] = $"{request.PathParams["id"]} {request.Query["q"][0]} {request.Headers["X-Who"]} {request.Method}";
            response.WriteJson(new Sum(terms.A + terms.B), TestJson.Default.Sum);
            return default;
        });
        worker.RegisterHttpHandler("GET", "/text", static (_, response, _) =>
        {
            response.WriteText("<p>hi</p>", "text/html");
            return default;
        });
        await worker.InvokeRawAsync("engine::functions::list", "{}"u8.ToArray()).Within();

        using var client = new HttpClient { BaseAddress = engine.Http };
        using var answer = await client.SendAsync(static () => new HttpRequestMessage(HttpMethod.Post, "/orders/7?q=x")
        {
            Headers = { { "X-Who", "me" } },
            Content = new StringContent("""{"a":1,"b":2}""", Encoding.UTF8, "application/json"),
        });
        Assert.Equal(201, (int)answer.StatusCode);
        Assert.Equal("7 x me POST", answer.Headers.GetValues("x-order").Single());
        Assert.Equal("""{"c":3}""", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("<p>hi</p>", await client.TextAsync(static () => new HttpRequestMessage(HttpMethod.Get, "/text")));
    }

    [Fact]
    public async Task Streamed_answer_and_body_go_through_a_real_engine()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterHttpHandler("POST", "/echo", static async (request, response, cancellation) =>
        {
            response.StatusCode = 203;
            response.Headers["x-kind"] = "echo";
            var target = await response.StartStreamAsync(cancellation);
            await request.OpenBody().CopyToAsync(target, cancellation);
        });
        await worker.InvokeRawAsync("engine::functions::list", "{}"u8.ToArray()).Within();

        var sent = new byte[1_000_000];
        Random.Shared.NextBytes(sent);
        using var client = new HttpClient { BaseAddress = engine.Http };
        using var answer = await client.SendAsync(() => new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new ByteArrayContent(sent) });
        Assert.Equal(203, (int)answer.StatusCode);
        Assert.Equal("echo", answer.Headers.GetValues("x-kind").Single());
        Assert.Equal(sent, await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Streamed_answer_goes_over_the_response_channel()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterHttpHandler("GET", "/events", static async (_, response, cancellation) =>
        {
            response.StatusCode = 203;
            response.Headers["content-type"] = "text/event-stream";
            var events = await response.StartStreamAsync(cancellation);
            await events.WriteAsync("data: 1\n\n"u8.ToArray(), cancellation);
        });
        var function = await engine.NextAsync();
        Assert.Equal("registertrigger", (await engine.NextAsync()).GetProperty("type").GetString());

        await engine.SayAsync($$$"""
            {"type":"invokefunction","invocation_id":"b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10","function_id":"{{{function.GetProperty("id")}}}",
             "data":{"method":"GET","path":"events","response":{"channel_id":"r","access_key":"k","direction":"write"} } }
            """);

        await using var reader = worker.OpenReader(new ChannelRef("r", "k", ChannelRef.Read));
        var messages = new List<string>();
        await foreach (var message in reader.ReadMessagesAsync(TestContext.Current.CancellationToken))
        {
            messages.Add(message.GetText());
        }

        Assert.Equal(
            ["""{"type":"set_status","status_code":203}""", """{"type":"set_headers","headers":{"content-type":"text/event-stream"}}""", "data: 1\n\n"],
            messages);
        var result = await engine.NextAsync();
        Assert.False(result.TryGetProperty("result", out _));
        Assert.False(result.TryGetProperty("error", out _));
    }

    [Fact]
    public async Task Custom_stream_answers_under_its_five_names()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        RawFunctionHandler echo = static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input);
        var stream = worker.RegisterStream("todos", new StreamHandlers { Get = echo, Set = echo, Delete = echo, List = echo, ListGroups = echo });

        foreach (var operation in new[] { "get", "set", "delete", "list", "list_groups" })
        {
            Assert.Equal(1, (await worker.InvokeRawAsync($"stream::{operation}(todos)", "1"u8.ToArray()).Within()).Length);
        }

        stream.Dispose();
        await Assert.ThrowsAsync<IiiInvocationException>(() => worker.InvokeRawAsync("stream::get(todos)", "1"u8.ToArray()).Within());
    }
}
