using System.Net;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>Small times, rules for origins, and a proxy that is trusted.</summary>
[Collection(nameof(StrictEngine))]
public class StrictTests(StrictEngine engine)
{
    private const string Vary = "origin, access-control-request-method, access-control-request-headers";

    /// <remarks>A response of this kind has CORS headers too, which the reference leaves out.</remarks>
    [Fact]
    [Trait("spec", "http 7.23")]
    public async Task Slow_function_is_504_and_empty_and_its_late_result_harmless()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync(headers: [("Origin", "https://a.example")]);
        var call = await f.CallOfAsync(sending);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.GatewayTimeout, response.StatusCode);
        Assert.Equal("", await TextAsync(response));
        Assert.Equal("https://a.example", Header(response, "access-control-allow-origin"));

        // Nothing tells the function to stop.
        Assert.Empty(await f.Worker.BarrierAsync());
        await f.Worker.AnswerAsync(call);
        Assert.Empty(await f.Worker.BarrierAsync());
        using var next = await f.AnswerAsync(f.SendAsync());
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Fact]
    [Trait("spec", "http 7.17")]
    public async Task Stream_longer_than_the_time_of_a_request_survives()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var sending = f.SendAsync();
        using var writer = await f.OpenAsync(await f.CallOfAsync(sending), "response");
        await writer.WriteAsync("a"u8.ToArray());
        using var response = await sending;

        // Another request times out meanwhile: so time enough has passed.
        using var other = await f.SendAsync();
        Assert.Equal(HttpStatusCode.GatewayTimeout, other.StatusCode);
        await writer.WriteAsync("b"u8.ToArray());
        await writer.CloseAsync();
        Assert.Equal("ab", await TextAsync(response));
    }

    [Fact]
    [Trait("spec", "http 7.26")]
    public async Task Listed_origin_is_echoed_and_another_served_without_leave()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        using var listed = await f.AnswerAsync(f.SendAsync(headers: [("Origin", "https://b.example")]));
        Assert.Equal("https://b.example", Header(listed, "access-control-allow-origin"));
        Assert.Null(Header(listed, "access-control-expose-headers"));
        Assert.Equal(Vary, Header(listed, "vary"));
        foreach (var origin in (string[])["https://c.example", "https://A.example", "https://a.example.org"])
        {
            using var other = await f.AnswerAsync(f.SendAsync(headers: [("Origin", origin)]), "\"result\":1");
            Assert.Null(Header(other, "access-control-allow-origin"));
            Assert.Equal("1", await TextAsync(other));
        }

        using var preflight = await f.SendAsync(
            method: HttpMethod.Options, headers: [("Origin", "https://a.example"), ("Access-Control-Request-Method", "PUT")]);
        Assert.Equal("GET,POST", Header(preflight, "access-control-allow-methods"));
    }

    /// <remarks>
    /// No line speaks of it: the last address is the one that the trusted proxy itself has seen; those before it are whatever the
    /// client wrote.
    /// </remarks>
    [Fact]
    public async Task Address_of_the_client_is_the_last_one_that_the_proxy_forwards()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var input = await f.InputOfAsync(f.SendAsync(headers: [("X-Forwarded-For", "1.2.3.4, 5.6.7.8")]));
        Assert.Equal("5.6.7.8", input.GetProperty("trigger").GetProperty("client_ip").GetString());
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
