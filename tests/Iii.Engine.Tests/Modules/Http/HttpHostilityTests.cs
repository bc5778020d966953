using System.Net;
using CsCheck;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpHostilityTests
{
    private const string Post = "POST /a/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";

    [Fact]
    public async Task Hostile_requests_are_answered_or_cut_off_and_the_next_good_one_works()
    {
        await using var server = await HttpServer.StartAsync(new() { BodyLimitBytes = 100_000, RequestIdHeader = "x-id", TrustProxy = true });
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"a/*rest","http_method":"POST"}""");
        await server.RouteAsync("f", """{"api_path":"a/:x","condition_function_id":"f"}""");
        foreach (var request in Requests())
        {
            var answer = await server.RawAsync(request);
            Assert.DoesNotContain(" 500 ", answer[..Math.Min(answer.Length, 20)], StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/a/1")).StatusCode);
    }

    [Fact]
    public async Task Random_targets_headers_and_bodies_never_fail_inside()
    {
        await using var server = await HttpServer.StartAsync(new() { TrustProxy = true });
        server.Echo("f");
        await server.RouteAsync("f", """{"api_path":"a/:x/*rest","http_method":"POST"}""");
        var text = Gen.String[Gen.Char["ab/:*{}%?&=+.;\"\\ '<>\u00e9\u0001,#[]10"], 0, 30];
        await Gen.Select(text, text, text).SampleAsync(async (target, header, body) =>
        {
            var answer = await server.RawAsync(
                $"POST /a/x/{target.Replace(" ", "", StringComparison.Ordinal)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {header}\r\n"
                + $"traceparent: {header}\r\nbaggage: {header}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
            return answer.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)
                || answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal)
                || answer.StartsWith("HTTP/1.1 404", StringComparison.Ordinal);
        }, iter: 300, threads: 1);
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Requests()
    {
        string[] targets =
        [
            "/a/../../etc/passwd", "/a/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "//a//b", "/a/%00", "/a/%", "/a/%zz?%&%=%", "/" + new string('a', 20_000),
            string.Concat(Enumerable.Repeat("/a", 2000)), "/a/b?" + string.Concat(Enumerable.Repeat("a&", 3000)), "http://evil/a/b", "*",
            "a/b", "/a/\u00ff", "/a/b?x=\u00ff", "/a/b#f", "/a\\b", "http://", "://", "?",
        ];
        foreach (var target in targets)
        {
            yield return $"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            yield return $"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        }

        string[] bodies =
        [
            new string('[', 60_000), "{\"a\":", "{\"a\":1}}", "\ufeff{}", "\0", "{\"__proto__\":{},\"constructor\":1}", "{\"a\":\"\\ud800\"}",
            "{" + string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"k{i}\":{i}")) + "}", "{\"\":{\"\":1},\"\":2}", "1e999999", "-",
        ];
        foreach (var body in bodies)
        {
            var bytes = System.Text.Encoding.Latin1.GetString(System.Text.Encoding.UTF8.GetBytes(body));
            yield return $"{Post}Content-Length: {bytes.Length}\r\n\r\n{bytes}";
        }

        yield return Post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\":1}";
        yield return Post + "Content-Length: -1\r\n\r\n{}";
        yield return Post + "Content-Length: 99999999999999999999\r\n\r\n{}";
        yield return Post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}";
        yield return Post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}";
        yield return Post + string.Concat(Enumerable.Range(0, 500).Select(i => $"X-{i}: 1\r\n")) + "\r\n";
        yield return Post + $"X-Long: {new string('x', 100_000)}\r\n\r\n";
        yield return Post + "X-Id: \u00ff\r\nX-Forwarded-For: \u00ff,,,\r\ntraceparent: \u00ff\r\nContent-Length: 2\r\n\r\n{}";
        yield return "FOO\u0001 / HTTP/1.1\r\nHost: x\r\n\r\n";
        yield return "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n";
        yield return "TRACE /a/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        yield return "GET /a/b HTTP/9.9\r\n\r\n";
    }
}
