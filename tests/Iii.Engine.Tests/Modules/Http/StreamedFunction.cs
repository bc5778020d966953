using System.Net;
using System.Text.Json;
using Iii.Engine.Modules.Http;
using Iii.Engine.Tests.Support;

namespace Iii.Engine.Tests.Modules.Http;

/// <summary>An engine with one route to one worker, whose every step the test takes itself.</summary>
internal sealed class StreamedFunction : IAsyncDisposable
{
    private StreamedFunction(TestEngine engine, TestWorker worker)
    {
        Engine = engine;
        Worker = worker;
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{engine.HttpPort}"), Timeout = TestWorker.Patience };
    }

    public TestEngine Engine { get; }

    public TestWorker Worker { get; }

    public HttpClient Client { get; }

    public static async Task<StreamedFunction> StartAsync(HttpOptions? http = null, string config = "", string version = "0.11.6")
    {
        var engine = await TestEngine.StartAsync(http: http);
        var worker = await engine.ConnectAsync();
        var function = new StreamedFunction(engine, worker);
        await worker.CallAsync("engine::workers::register", $$"""{"runtime":"node","version":"{{version}}"}""");
        await worker.RegisterAsync("f");
        foreach (var method in new[] { "GET", "POST" })
        {
            await worker.SendAsync(
                $$$"""{"type":"registertrigger","id":"{{{method}}}","trigger_type":"http","function_id":"f","config":{"api_path":"f","http_method":"{{{method}}}"{{{config}}}}}""");
        }

        await worker.BarrierAsync();

        // Routes are published a moment later; a method that has none then is no longer "not found".
        await Eventually.TrueAsync(async () =>
        {
            using var probe = await function.SendAsync(method: HttpMethod.Delete);
            return probe.StatusCode == HttpStatusCode.MethodNotAllowed;
        });
        return function;
    }

    /// <summary>Sends a request; the task ends with the head of the response.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpContent? content = null, HttpMethod? method = null, CancellationToken cancellation = default)
    {
        var request = new HttpRequestMessage(method ?? (content is null ? HttpMethod.Get : HttpMethod.Post), "/f") { Content = content };
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    public Task<JsonElement> NextCallAsync() => Worker.NextCallAsync("f");

    public Task<TestChannelEnd> OpenAsync(JsonElement call, string name) =>
        TestChannelEnd.OpenAsync(Engine.WorkerPort, call.GetProperty("data").GetProperty(name));

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Worker.DisposeAsync();
        await Engine.DisposeAsync();
    }
}
