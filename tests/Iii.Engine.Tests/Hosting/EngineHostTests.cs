using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Http;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Hosting;

/// <summary>The engine as a whole: HTTP on one side, a worker on the other.</summary>
public sealed class EngineHostTests(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1) });
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await TestEngine.StartAsync();
        _http.BaseAddress = new Uri($"http://127.0.0.1:{_engine.HttpPort}");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _engine.DisposeAsync();
    }

    [Fact] // protocol §11, 14
    public async Task A_request_reaches_the_worker_without_a_callers_id_and_its_result_is_the_body()
    {
        await using var worker = await _engine.ConnectAsync();
        await RegisterRouteAsync(worker, "math.add", "add", "POST");
        var answering = AnswerAsync(worker, "math.add", "\"result\":{\"sum\":5}");
        using var response = await PostWhenServedAsync("/add", """{"a":2,"b":3}""");
        var call = await answering;
        Assert.Equal("""{"sum":5}""", await response.Content.ReadAsStringAsync());
        Assert.Equal(2, call.GetProperty("data").GetProperty("a").GetInt32());
        Assert.Equal(3, call.GetProperty("data").GetProperty("body").GetProperty("b").GetInt32());
        Assert.False(call.GetProperty("data").TryGetProperty("_caller_worker_id", out _));
    }

    [Fact]
    public async Task Loss_of_the_worker_in_mid_call_is_an_error_at_once_and_the_route_goes_with_it()
    {
        var worker = await _engine.ConnectAsync();
        await RegisterRouteAsync(worker, "f", "f", "GET");
        await WaitForRouteAsync("/f", served: true);
        var request = _http.GetAsync("/f");
        await worker.NextCallAsync("f");
        worker.Abort();
        using var response = await request;
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        await WaitForRouteAsync("/f", served: false);
        await worker.DisposeAsync();
    }

    [Fact]
    public async Task A_bad_trigger_is_reported_to_its_worker_which_stays_connected()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"http","function_id":"f","config":{"http_method":"FETCH"}}""");
        var report = await worker.NextAsync("triggerregistrationresult");
        Assert.Equal("trigger_registration_failed", report.GetProperty("error").GetProperty("code").GetString());
        Assert.Empty(await worker.BarrierAsync());
        Assert.Empty((await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").EnumerateArray());
    }

    [Fact]
    public async Task A_route_that_is_registered_anew_and_refused_is_served_no_longer()
    {
        await using var worker = await _engine.ConnectAsync();
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"http","function_id":"f","config":{"api_path":"x"}}""");
        await WaitForRouteAsync("/x", served: true);
        await worker.SendAsync("""{"type":"registertrigger","id":"T","trigger_type":"http","function_id":"f","config":{"api_path":"x","http_method":"FETCH"}}""");
        await worker.NextAsync("triggerregistrationresult");
        await WaitForRouteAsync("/x", served: false);
        Assert.Empty((await worker.CallAsync("engine::triggers::list")).GetProperty("result").GetProperty("triggers").EnumerateArray());
    }

    [Fact]
    public async Task Ten_thousand_routes_from_ten_workers_appear_while_no_request_is_dropped()
    {
        const int Workers = 10;
        const int RoutesEach = 1000;
        await using var steady = await _engine.ConnectAsync();
        await RegisterRouteAsync(steady, "steady", "steady", "GET");
        await WaitForRouteAsync("/steady", served: true);
        using var stop = new CancellationTokenSource();
        var answering = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    await AnswerAsync(steady, "steady", "\"result\":1");
                }
            }
            catch (ChannelClosedException)
            {
                // The worker has been closed: no more calls come.
            }
        });
        var asking = Task.Run(async () =>
        {
            var answered = 0;
            while (!stop.IsCancellationRequested)
            {
                Assert.Equal("1", await _http.GetStringAsync("/steady"));
                answered++;
            }

            return answered;
        });

        var workers = await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => _engine.ConnectAsync()));
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(workers.Select(async (worker, w) =>
        {
            for (var i = 0; i < RoutesEach; i++)
            {
                await worker.SendAsync($$$"""{"type":"registertrigger","id":"{{{w}}}-{{{i}}}","trigger_type":"http","function_id":"f","config":{"api_path":"w{{{w}}}/r{{{i}}}/:id"}}""");
            }

            await worker.BarrierAsync();
        }));

        // Nobody provides the function: a served route answers 500, an unknown one 404.
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(w => WaitForStatusAsync($"/w{w}/r{RoutesEach - 1}/x", HttpStatusCode.InternalServerError)));
        output.WriteLine($"{Workers * RoutesEach} routes after {clock.ElapsedMilliseconds} ms");
        await stop.CancelAsync();
        Assert.InRange(await asking, 1, int.MaxValue);
        await steady.CloseAsync();
        await answering;
        foreach (var worker in workers)
        {
            await worker.DisposeAsync();
        }
    }

    [Fact]
    public async Task At_shutdown_a_request_under_way_is_answered()
    {
        await using var worker = await _engine.ConnectAsync();
        await RegisterRouteAsync(worker, "f", "f", "GET");
        await WaitForRouteAsync("/f", served: true);
        var request = _http.GetAsync("/f");
        var call = await worker.NextCallAsync("f");
        var stopping = _engine.StopAsync();
        await worker.AnswerAsync(call, "\"result\":\"late\"");
        using var response = await request;
        Assert.Equal("\"late\"", await response.Content.ReadAsStringAsync());
        await stopping;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_port_that_is_taken_is_named_and_nothing_stays_bound(bool isHttp)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var takenPort = ((IPEndPoint)taken.LocalEndpoint).Port;
        int freePort;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            freePort = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        await using var host = EngineHost.Create(new EngineConfiguration
        {
            Gateway = new WorkerGatewayOptions { Host = "127.0.0.1", Port = isHttp ? freePort : takenPort },
            Http = new HttpOptions { Host = "127.0.0.1", Port = isHttp ? takenPort : freePort },
        });
        var e = await Assert.ThrowsAsync<EngineStartException>(() => host.StartAsync());
        Assert.Contains($"Port {takenPort} ({(isHttp ? "http" : "workers")}) is taken", e.Message, StringComparison.Ordinal);
        using var probe = new TcpListener(IPAddress.Loopback, freePort);
        probe.Start();
    }

    [Theory]
    [InlineData("no-such-host.invalid", "has no address")]
    [InlineData("203.0.113.7", "Cannot listen at 203.0.113.7:0 (workers)")]
    public async Task An_address_that_cannot_be_bound_is_explained(string host, string explanation)
    {
        await using var engine = EngineHost.Create(new EngineConfiguration { Gateway = new WorkerGatewayOptions { Host = host, Port = 0 } });
        var e = await Assert.ThrowsAsync<EngineStartException>(() => engine.StartAsync());
        Assert.Contains(explanation, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Hostile requests, byte for byte; each is answered with an error or cut off, and the next good one works.</summary>
    [Fact]
    public async Task Hostile_requests_disturb_nobody()
    {
        await using var worker = await _engine.ConnectAsync();
        await RegisterRouteAsync(worker, "f", "items/:id", "POST");
        await WaitForStatusAsync("/items/x", HttpStatusCode.MethodNotAllowed);
        var json = "content-type: application/json\r\n";
        string[] requests =
        [
            "GARBAGE\r\n\r\n",
            "GET\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/9.9\r\nhost: x\r\n\r\n",
            "GET  /  HTTP/1.1\r\nhost: x\r\n\r\n",
            "get / http/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nhost x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\n\u0001: y\r\n\r\n",
            "\0\0\0\0\r\n\r\n",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + json + "\r\nZZZ\r\n",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
            "POST /items/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 17000000\r\n" + json + "\r\n",
            "GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /items/%2e%2e/%2e%2e/etc HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /items/..%2f..%2fetc HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET //items//1 HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /items/%00 HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /items/%zz HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /\\items\\1 HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET http://evil/items/1 HTTP/1.1\r\nhost: x\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
            "CONNECT evil:443 HTTP/1.1\r\nhost: evil:443\r\n\r\n",
            "TRACE /items/1 HTTP/1.1\r\nhost: x\r\n\r\n",
            "PROPFIND /items/1 HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /" + new string('a', 20_000) + " HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /" + string.Join('/', Enumerable.Repeat("a", 3000)) + " HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /?" + string.Join('&', Enumerable.Range(0, 900).Select(static i => $"k{i}=v")) + " HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\n" + string.Concat(Enumerable.Range(0, 2000).Select(static i => $"h{i}: v\r\n")) + "\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nbig: " + new string('v', 100_000) + "\r\n\r\n",
            "GET /items/1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ];
        foreach (var request in requests)
        {
            Assert.True(await IsEndedOrAnsweredAsync(request), request[..Math.Min(80, request.Length)]);
        }

        var answering = AnswerAsync(worker, "f", "\"result\":{\"ok\":true}");
        using var good = await _http.PostAsync("/items/1", new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.Equal("""{"ok":true}""", await good.Content.ReadAsStringAsync());
        await answering;
    }

    [Theory]
    [InlineData("{\"a\":1")]
    [InlineData("{\"a\":NaN}")]
    [InlineData("not json")]
    [InlineData("\"\\ud800")]
    [InlineData("")]
    public async Task A_body_that_is_no_json_is_null(string body)
    {
        await using var worker = await _engine.ConnectAsync();
        await RegisterRouteAsync(worker, "f", "f", "POST");
        await WaitForStatusAsync("/f", HttpStatusCode.MethodNotAllowed);
        var answering = AnswerAsync(worker, "f", "\"result\":1");
        using var response = await _http.PostAsync("/f", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await answering).GetProperty("data").GetProperty("body").ValueKind);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static Task RegisterRouteAsync(TestWorker worker, string functionId, string path, string method) => Task.WhenAll(
        worker.RegisterAsync(functionId),
        worker.SendAsync($$$"""{"type":"registertrigger","id":"{{{Guid.NewGuid()}}}","trigger_type":"http","function_id":"{{{functionId}}}","config":{"api_path":"{{{path}}}","http_method":"{{{method}}}"}}"""));

    private static async Task<System.Text.Json.JsonElement> AnswerAsync(TestWorker worker, string functionId, string members)
    {
        var call = await worker.NextCallAsync(functionId);
        await worker.AnswerAsync(call, members);
        return call;
    }

    private async Task<HttpResponseMessage> PostWhenServedAsync(string path, string json)
    {
        await WaitForStatusAsync(path, HttpStatusCode.MethodNotAllowed);
        return await _http.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));
    }

    /// <summary>A route for another method shows by 405 without calling the function.</summary>
    private async Task WaitForRouteAsync(string path, bool served)
    {
        await Eventually.TrueAsync(async () =>
        {
            using var response = await _http.PutAsync(path, null);
            return (response.StatusCode == HttpStatusCode.MethodNotAllowed) == served;
        });
    }

    private async Task WaitForStatusAsync(string path, HttpStatusCode status)
    {
        await Eventually.TrueAsync(async () =>
        {
            using var response = await _http.GetAsync(path);
            return response.StatusCode == status;
        });
    }

    private async Task<bool> IsEndedOrAnsweredAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _engine.HttpPort);
        using var timeout = new CancellationTokenSource(TestWorker.Patience);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), timeout.Token);
            return await stream.ReadAsync(new byte[1024], timeout.Token) >= 0;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
