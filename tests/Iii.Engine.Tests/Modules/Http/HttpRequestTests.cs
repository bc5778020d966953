using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpRequestTests
{
    [Fact]
    public async Task Function_gets_the_members_of_the_body_as_if_called_from_code()
    {
        await using var server = await HttpServer.StartAsync();
        server.Function("math.add", input => Task.FromResult<string?>($$"""{"sum":{{(int)input!["a"]! + (int)input["b"]!}}}"""));
        await server.RouteAsync("math.add", """{"api_path":"add","http_method":"POST"}""");
        Assert.Equal("""{"sum":5}""", (await HttpServer.JsonOf(await server.PostJsonAsync("/add", """{"a":2,"b":3}"""))).ToJsonString());
    }

    [Fact]
    public async Task Input_can_be_the_body_alone()
    {
        await using var server = await HttpServer.StartAsync();
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"a","http_method":"POST","input":"body"}""");
        Assert.Equal("[1,2]", (await HttpServer.JsonOf(await server.PostJsonAsync("/a", "[1,2]"))).ToJsonString());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(100_000)]
    [InlineData(10_000_000)]
    public async Task Large_and_chunked_bodies_arrive_byte_for_byte(int size)
    {
        await using var server = await HttpServer.StartAsync();
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"a","http_method":"POST","input":"body"}""");
        var json = "[\"" + new string('x', size) + "\"]";
        Assert.Equal(json, await (await server.PostJsonAsync("/a", json)).TextAsync());
        var chunked = new StringContent(json, Encoding.UTF8, "application/json");
        var response = await server.SendAsync(HttpMethod.Post, "/a", chunked, ("Transfer-Encoding", "chunked"));
        Assert.Equal(json, await response.TextAsync());
    }

    [Fact]
    public async Task Request_id_is_taken_over_when_sane_and_echoed_always()
    {
        await using var server = await StartAsync(new() { RequestIdHeader = "X-Request-Id" });
        var given = await server.SendAsync(HttpMethod.Get, "/a", ("X-Request-Id", "abc-1"));
        Assert.Equal("abc-1", given.Headers.GetValues("x-request-id").Single());
        Assert.Equal("abc-1", (string?)(await HttpServer.JsonOf(given))["trigger"]!["request_id"]);
        var insane = await server.SendAsync(HttpMethod.Get, "/a", ("X-Request-Id", new string('x', 129)));
        var made = insane.Headers.GetValues("x-request-id").Single();
        Assert.Equal(36, made.Length);
        Assert.Equal(made, (string?)(await HttpServer.JsonOf(insane))["trigger"]!["request_id"]);
        Assert.Single((await server.GetAsync("/nothing")).Headers.GetValues("x-request-id"));
    }

    [Fact]
    public async Task Client_address_is_in_the_merged_input_and_not_in_the_old_shape()
    {
        await using var server = await StartAsync(new() { TrustProxy = true, RequestIdHeader = "x-id" });
        await server.RouteAsync("f", """{"api_path":"old","input":"request"}""");
        Assert.Equal("127.0.0.1", (string?)(await server.GetJsonAsync("/a"))["trigger"]!["client_ip"]);
        Assert.Equal("5.6.7.8", (string?)(await server.GetJsonAsync("/a", ("X-Forwarded-For", "1.2.3.4, 5.6.7.8")))["trigger"]!["client_ip"]);
        Assert.Equal("""{"type":"http","path":"old","method":"GET"}""", (await server.GetJsonAsync("/old"))["trigger"]!.ToJsonString());
    }

    [Fact]
    public async Task Trace_context_of_the_request_goes_with_the_call()
    {
        const string TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var server = await HttpServer.StartAsync();
        var probe = new TraceProbe();
        server.Provide("f", probe);
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.SendAsync(HttpMethod.Get, "/a", ("traceparent", TraceParent), ("baggage", "user=\"x\""));
        Assert.Equal(("\"" + TraceParent + "\"", "\"user=\\\"x\\\"\""), probe.Seen);
    }

    [Fact]
    public async Task Requests_are_measured_by_route_method_and_status()
    {
        await using var server = await StartAsync();
        var seen = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "iii.http.request.duration")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            lock (seen)
            {
                seen.Add(string.Join(' ', tags.ToArray().Select(tag => tag.Value)));
            }
        });
        listener.Start();
        await server.RouteAsync("missing", """{"api_path":"measured/:id"}""");
        await server.GetAsync("/measured/7");
        await HttpServer.UntilAsync(() =>
        {
            lock (seen)
            {
                return seen.Contains("measured/:id GET 500");
            }
        });
    }

    [Fact]
    public async Task Body_over_the_limit_is_413_with_and_without_length()
    {
        await using var server = await StartAsync(new() { BodyLimitBytes = 1000 });
        var exact = "\"" + new string('x', 998) + "\"";
        Assert.Equal(HttpStatusCode.OK, (await server.PostJsonAsync("/a", exact)).StatusCode);
        var head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        var known = await server.RawAsync(head + "Content-Length: 1001\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", known, StringComparison.Ordinal);
        Assert.Contains("Access-Control-Allow-Origin: *", known, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("""{"error":"request body too large"}""", known, StringComparison.Ordinal);
        var chunked = await server.RawAsync($"{head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n{new string('x', 1001)}\r\n0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 413", chunked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Limit_may_be_larger_than_the_one_of_the_web_server()
    {
        await using var server = await HttpServer.StartAsync(new() { BodyLimitBytes = 100_000_000 });
        server.Function("f", input => Task.FromResult<string?>($"{((string?)input)?.Length}"));
        await server.RouteAsync("f", """{"api_path":"a","http_method":"POST","input":"body"}""");
        var response = await server.PostJsonAsync("/a", "\"" + new string('x', 31_000_000) + "\"");
        Assert.Equal("31000000", await response.TextAsync());
    }

    private static async Task<HttpServer> StartAsync(Iii.Engine.Modules.Http.HttpOptions? options = null)
    {
        var server = await HttpServer.StartAsync(options);
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"a"}""");
        await server.RouteAsync("f", """{"api_path":"a","http_method":"POST"}""");
        return server;
    }

    private sealed class TraceProbe : FunctionProvider
    {
        public (string TraceParent, string Baggage) Seen { get; private set; }

        public override int InFlight => 0;

        public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
        {
            Seen = (Encoding.UTF8.GetString(invocation.TraceParent), Encoding.UTF8.GetString(invocation.Baggage));
            pending.Complete(InvocationOutcome.Success("1"u8));
            return DispatchResult.Dispatched;
        }
    }
}
