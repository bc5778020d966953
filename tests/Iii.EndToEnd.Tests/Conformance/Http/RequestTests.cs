using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>What a function learns of a request: query, headers, body.</summary>
public class RequestTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "http 7.4")]
    public async Task Query_values_are_strings_and_the_last_counts()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var input = await f.InputOfAsync(f.SendAsync(path: f.Path + "?x=1&x=2&y=a+b&z"));
        Assert.Equal("""{"x":"2","y":"a b","z":""}""", input.GetProperty("query_params").GetRawText());
    }

    [Fact]
    [Trait("spec", "http 7.5")]
    public async Task Header_names_are_lower_case_and_repeated_headers_one_string()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = RawHttp.SendAsync(
            engine.HttpPort, $"GET /{f.Path} HTTP/1.1\r\nHost: x\r\nX-Tenant: acme\r\nX-Many: 1\r\nx-many: 2\r\nConnection: close\r\n\r\n");
        var call = await f.CallOfAsync(sending);
        await f.Worker.AnswerAsync(call);
        await sending;
        var headers = call.GetProperty("data").GetProperty("headers");
        Assert.Equal(
            ("acme", "2", "x"),
            (headers.GetProperty("x-tenant").GetString(), headers.GetProperty("x-many").GetString(), headers.GetProperty("host").GetString()));
        Assert.All(headers.EnumerateObject(), static header => Assert.Equal(header.Name.ToLowerInvariant(), header.Name));
    }

    /// <remarks>A JSON body is on its channel as well, where the reference leaves that channel open and empty.</remarks>
    [Theory]
    [InlineData("application/json", "{\"a\": 1}  ", "{\"a\": 1}")]
    [InlineData("application/json; charset=utf-8", "[1, 2.0]", "[1, 2.0]")]
    [InlineData("text/plain", "{\"a\":1}", "null")]
    public Task Body_is_what_the_content_type_says(string contentType, string content, string body) =>
        AssertBodyAsync(contentType, content, body);

    [Theory]
    [Trait("spec", "http 7.6")]
    [InlineData("{broken")]
    [InlineData("")]
    [InlineData("{} {}")]
    public Task Body_that_is_no_json_is_null_though_it_is_called_so(string content) => AssertBodyAsync("application/json", content, "null");

    [Theory]
    [Trait("spec", "http 7.7")]
    [InlineData("application/vnd.api+json")]
    [InlineData("Application/JSON")]
    public Task Other_content_types_than_json_itself_are_none(string contentType) => AssertBodyAsync(contentType, "{\"a\":1}", "null");

    [Fact]
    [Trait("spec", "http 7.8")]
    public async Task Get_with_json_content_type_and_no_body_has_body_null()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = RawHttp.SendAsync(
            engine.HttpPort, $"GET /{f.Path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
        var call = await f.CallOfAsync(sending);
        await f.Worker.AnswerAsync(call);
        Assert.StartsWith("HTTP/1.1 200", await sending, StringComparison.Ordinal);
        Assert.Equal("application/json", call.GetProperty("data").GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal(JsonValueKind.Null, call.GetProperty("data").GetProperty("body").ValueKind);
    }

    [Fact]
    [Trait("spec", "http 7.9")]
    public Task Urlencoded_form_is_on_its_channel_as_it_came() =>
        AssertBodyAsync("application/x-www-form-urlencoded", "a=1&b=2+3&b=%c3%a9", "null");

    [Fact]
    [Trait("spec", "http 7.9")]
    public async Task Multipart_form_is_on_its_channel_as_it_came_and_its_boundary_in_the_headers()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        using var form = new MultipartFormDataContent("the-boundary");
        form.Add(new ByteArrayContent(RandomNumberGenerator.GetBytes(100_000)), "file", "a.bin");
        form.Add(new StringContent("text"), "field");
        var expected = await form.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var (input, received) = await UploadAsync(f, form);
        Assert.Equal(
            "multipart/form-data; boundary=\"the-boundary\"", input.GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal(JsonValueKind.Null, input.GetProperty("body").ValueKind);
        Assert.Equal(expected, received);
    }

    [Fact]
    [Trait("spec", "http 7.9")]
    public async Task Upload_of_10_MB_arrives_byte_for_byte()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var bytes = RandomNumberGenerator.GetBytes(10 * 1024 * 1024);
        var (_, received) = await UploadAsync(f, new ByteArrayContent(bytes));
        Assert.Equal(SHA256.HashData(bytes), SHA256.HashData(received));
    }

    private static async Task<(JsonElement Input, byte[] Body)> UploadAsync(RoutedFunction f, HttpContent content)
    {
        var sending = f.SendAsync(content);
        var call = await f.CallOfAsync(sending);
        using var reader = await f.OpenAsync(call, "request_body");
        using var body = new MemoryStream();
        while (await reader.ReadAsync() is { } message)
        {
            Assert.False(message.IsText);
            body.Write(message.Bytes);
        }

        Assert.Equal(WebSocketCloseStatus.NormalClosure, reader.CloseStatus);
        await reader.CloseAsync();
        await f.Worker.AnswerAsync(call);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (call.GetProperty("data"), body.ToArray());
    }

    private async Task AssertBodyAsync(string contentType, string content, string body)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var bytes = new ByteArrayContent(Encoding.UTF8.GetBytes(content));
        bytes.Headers.TryAddWithoutValidation("content-type", contentType);
        var (input, received) = await UploadAsync(f, bytes);
        Assert.Equal(body, input.GetProperty("body").GetRawText());
        Assert.Equal(contentType, input.GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal(content, Encoding.UTF8.GetString(received));
    }
}
