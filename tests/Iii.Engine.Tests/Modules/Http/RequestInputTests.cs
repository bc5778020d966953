using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Iii.Engine.Modules.Http;
using Microsoft.AspNetCore.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class RequestInputTests
{
    [Fact]
    public void Members_stand_in_their_order_with_the_pattern_as_it_was_written()
    {
        const string Expected =
            """{"query_params":{"q":"1"},"path_params":{"shop":"s%2019","rest":"a/b"},"headers":{"host":"x","x-tenant":"acme"}"""
            + ""","path":"/shops/:shop/*rest","method":"PUT","body":{"qty": 3},"trigger":{"type":"http","path":"/shops/:shop/*rest","method":"PUT"},"qty": 3}""";
        var context = new DefaultHttpContext();
        context.Request.Headers.Host = "x";
        context.Request.Headers["X-Tenant"] = "acme";
        Assert.Equal(Expected, Write(context, "merged", "/shops/s%2019/a/b?q=1", " {\"qty\": 3} "));
    }

    [Theory]
    [InlineData("merged")]
    [InlineData("request")]
    [InlineData("body")]
    public void Any_json_body_passes_byte_for_byte(string mode)
    {
        var context = new DefaultHttpContext();
        JsonTexts.Any.Sample(json =>
        {
            var input = Write(context, mode, "/shops/1/x", json);
            Assert.NotNull(JsonNode.Parse(input.Length == 4 ? "0" : input));
            return mode == "body" ? input == json : input.Contains(",\"body\":" + json + ",\"trigger\"", StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Numbers_and_order_of_the_body_are_kept()
    {
        const string Json = "{\"z\":123456789012345678901234567890,\"a\":1.0e+2,\"z\":-0}";
        Assert.EndsWith("," + Json[1..], Write(new DefaultHttpContext(), "merged", "/shops/1/x", Json), StringComparison.Ordinal);
    }

    [Fact]
    public void Body_cannot_take_the_names_of_the_request_or_of_the_engine()
    {
        const string Json =
            """{"path":1,"body":1,"method":1,"headers":1,"trigger":1,"response":1,"path_params":1,"query_params":1,"request_body":1"""
            + ""","_caller_worker_id":1,"_":1,"\u005fx":1,"\u0070ath":1,"\ud800":1,"":2,"free":3,"Path":4,"fr\u0065e2":5}""";
        var input = Write(new DefaultHttpContext(), "merged", "/shops/1/x", Json);
        Assert.EndsWith("""},"":2,"free":3,"Path":4,"fr\u0065e2":5}""", input, StringComparison.Ordinal);
    }

    [Fact]
    public void Request_mode_adds_nothing_of_the_body()
    {
        var input = JsonNode.Parse(Write(new DefaultHttpContext(), "request", "/shops/1/x", "{\"a\":1}"))!.AsObject();
        Assert.Equal(
            ["query_params", "path_params", "headers", "path", "method", "body", "trigger"], input.Select(member => member.Key));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"a\":1} x")]
    [InlineData("{'a':1}")]
    [InlineData("nul")]
    [InlineData("[1,]")]
    [InlineData("\u00ff")]
    public void Body_that_is_not_json_is_null(string body)
    {
        var bytes = Encoding.Latin1.GetBytes(body);
        Assert.Null(JsonNode.Parse(Write(new DefaultHttpContext(), "merged", "/shops/1/x", bytes))!["body"]);
        Assert.Equal("null", Write(new DefaultHttpContext(), "body", "/shops/1/x", bytes));
    }

    [Fact]
    public void Depth_is_bounded_so_that_the_frame_around_it_can_be_read()
    {
        string Nested(int depth) => new string('[', depth) + new string(']', depth);
        Assert.Equal("null", Write(new DefaultHttpContext(), "body", "/shops/1/x", Nested(511)));
        Assert.Equal(Nested(510), Write(new DefaultHttpContext(), "body", "/shops/1/x", Nested(510)));
    }

    [Fact]
    public void Header_that_is_not_visible_ascii_is_empty_and_of_several_the_last_counts()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers["X-Odd"] = "caf\u00e9";
        context.Request.Headers["X-Many"] = new[] { "1", "2" };
        var headers = JsonNode.Parse(Write(context, "request", "/shops/1/x", ""))!["headers"]!;
        Assert.Equal("", (string?)headers["x-odd"]);
        Assert.Equal("2", (string?)headers["x-many"]);
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true)]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false)]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false)]
    [InlineData("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false)]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", false)]
    [InlineData("garbage", false)]
    public void Trace_context_is_passed_on_when_it_has_the_right_shape(string traceParent, bool isPassed)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.TraceParent = traceParent;
        context.Request.Headers.Baggage = "k=v";
        var input = Input(context, "merged", "/shops/1/x", []);
        Assert.Equal(isPassed ? $"\"{traceParent}\"" : "", Encoding.UTF8.GetString(input.TraceParent));
        Assert.Equal("\"k=v\"", Encoding.UTF8.GetString(input.Baggage));
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("203.0.113.7, 10.0.0.1", "10.0.0.1")]
    [InlineData("203.0.113.7:4711", "203.0.113.7")]
    [InlineData("[2001:db8::1]:80", "2001:db8::1")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("unknown", "192.0.2.1")]
    public void Forwarded_address_counts_when_the_proxy_is_trusted(string forwardedFor, string expected)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = System.Net.IPAddress.Parse("192.0.2.1");
        context.Request.Headers["X-Forwarded-For"] = forwardedFor;
        Span<char> text = new char[ClientAddress.MaxLength];
        Assert.Equal(expected, text[..new ClientAddress(true).Write(context, text)].ToString());
        Assert.Equal("192.0.2.1", text[..new ClientAddress(false).Write(context, text)].ToString());
    }

    private static string Write(HttpContext context, string mode, string target, string body) =>
        Write(context, mode, target, Encoding.UTF8.GetBytes(body));

    private static string Write(HttpContext context, string mode, string target, byte[] body) =>
        Encoding.UTF8.GetString(Input(context, mode, target, body).Data);

    private static RequestInput Input(HttpContext context, string mode, string target, byte[] body)
    {
        var config = HttpTriggerConfig.TryParse(
            Encoding.UTF8.GetBytes($$"""{"api_path":"/shops/:shop/*rest","http_method":"PUT","input":"{{mode}}"}"""), false, out _)!;
        return new RequestInputWriter(new ClientAddress(false), null)
            .Write(context, new HttpRoute("f", config), RequestTarget.Parse(target, false), body, null);
    }
}
