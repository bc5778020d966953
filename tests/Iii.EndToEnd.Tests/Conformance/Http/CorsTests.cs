using System.Net;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>Requests of pages of other origins, without rules.</summary>
public class CorsTests(SharedEngine engine)
{
    private const string Vary = "origin, access-control-request-method, access-control-request-headers";

    private static readonly (string Name, string Value)[] s_preflight =
        [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")];

    [Theory]
    [Trait("spec", "http 7.25")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Options_is_200_anywhere_and_calls_no_function(bool isPreflight)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var headers = isPreflight ? s_preflight : [];
        foreach (var path in new[] { f.Path, Ids.New("nothing") })
        {
            using var response = await f.SendAsync(method: HttpMethod.Options, path: path, headers: headers);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            Assert.Equal("*", Header(response, "access-control-allow-methods"));
            Assert.Equal("*", Header(response, "access-control-allow-headers"));
            Assert.Equal("*", Header(response, "access-control-allow-origin"));
        }

        Assert.Empty(await f.Worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "http 7.25")]
    public async Task Options_of_the_whole_server_is_200() => Assert.StartsWith(
        "HTTP/1.1 200",
        await RawHttp.SendAsync(engine.HttpPort, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        StringComparison.Ordinal);

    /// <remarks>In the reference a trigger for OPTIONS is never called.</remarks>
    [Fact]
    [Trait("spec", "http 7.25")]
    public async Task Trigger_for_options_gets_what_is_no_preflight()
    {
        await using var f = await RoutedFunction.WithoutRouteAsync(engine);
        await f.RouteAsync(f.Path, "OPTIONS");
        using var response = await f.AnswerAsync(f.SendAsync(method: HttpMethod.Options), "\"result\":1");
        Assert.Equal("1", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        using var preflight = await f.SendAsync(method: HttpMethod.Options, headers: s_preflight);
        Assert.Equal("", await preflight.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("*", Header(preflight, "access-control-allow-methods"));
        Assert.Empty(await f.Worker.BarrierAsync());
    }

    [Theory]
    [Trait("spec", "http 7.25")]
    [InlineData(200)]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(500)]
    public async Task Every_response_is_open(int status)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        using var response = await (status switch
        {
            200 => f.AnswerAsync(f.SendAsync()),
            404 => f.SendAsync(path: Ids.New("nothing")),
            405 => f.SendAsync(method: HttpMethod.Delete),
            _ => f.AnswerAsync(f.SendAsync(), "\"error\":{\"code\":\"c\",\"message\":\"m\"}"),
        });
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("*", Header(response, "access-control-allow-origin"));
        Assert.Equal("*", Header(response, "access-control-expose-headers"));
        Assert.Equal(Vary, Header(response, "vary"));
    }

    [Fact]
    public async Task Headers_of_the_function_give_way()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        using var response = await f.AnswerAsync(
            f.SendAsync(), """ "result":{"headers":{"Access-Control-Allow-Origin":"https://x","Vary":"accept"},"body":1} """);
        Assert.Equal("*", Header(response, "access-control-allow-origin"));
        Assert.Equal("accept, " + Vary, Header(response, "vary"));
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}
