using System.Net;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance;

/// <summary>A function of one worker behind routes of its own, whose every step the test takes itself.</summary>
internal sealed class RoutedFunction : IAsyncDisposable
{
    private readonly EngineFixture _engine;

    private RoutedFunction(EngineFixture engine, TestWorker worker)
    {
        _engine = engine;
        Worker = worker;
    }

    public TestWorker Worker { get; }

    /// <summary>The id of the function.</summary>
    public string Id { get; } = Ids.New("f");

    /// <summary>The path of the routes that <see cref="StartAsync"/> makes.</summary>
    public string Path { get; } = Ids.New("routed");

    /// <summary>Connects a worker whose function serves GET and POST; <paramref name="config"/> has further members, each led by a comma.</summary>
    public static async Task<RoutedFunction> StartAsync(EngineFixture engine, string config = "", string version = "0.11.6")
    {
        var function = await ConnectAsync(engine, version);
        await function.RouteAsync(function.Path, "GET", config);
        await function.RouteAsync(function.Path, "POST", config);
        return function;
    }

    /// <summary>Connects a worker whose function has no route yet.</summary>
    public static Task<RoutedFunction> WithoutRouteAsync(EngineFixture engine) => ConnectAsync(engine, "0.11.6");

    /// <summary>Registers a route, and returns once it is live.</summary>
    /// <returns>The id of the trigger.</returns>
    public async Task<string> RouteAsync(string pattern, string method = "GET", string config = "")
    {
        var id = Ids.New("T");
        await Worker.SendAsync(Trigger(id, Id, pattern, method, config));
        await IsLiveAsync(_engine, pattern, method);
        return id;
    }

    /// <summary>The message that registers a route.</summary>
    public static string Trigger(string id, string functionId, string pattern, string method = "GET", string config = "") =>
        $$$"""{"type":"registertrigger","id":"{{{id}}}","trigger_type":"http","function_id":"{{{functionId}}}","config":{"api_path":"{{{pattern}}}","http_method":"{{{method}}}"{{{config}}}}}""";

    /// <summary>Waits until a path has a route for a method: one with a method that nobody has is told which there are.</summary>
    public static Task IsLiveAsync(EngineFixture engine, string pattern, string method = "GET") =>
        Eventually.TrueAsync($"{method} {pattern} is routed", async () => (await AllowedAsync(engine, pattern)).Contains(method, StringComparer.OrdinalIgnoreCase));

    /// <summary>Waits until a path has no route at all.</summary>
    public static Task IsGoneAsync(EngineFixture engine, string pattern) =>
        Eventually.TrueAsync($"{pattern} is not routed", async () => (await AllowedAsync(engine, pattern)).Count == 0);

    /// <summary>Sends a request; the task ends with the head of the response.</summary>
    public Task<HttpResponseMessage> SendAsync(
        HttpContent? content = null,
        HttpMethod? method = null,
        string? path = null,
        IEnumerable<(string Name, string Value)>? headers = null,
        CancellationToken cancellation = default)
    {
        method ??= content is null ? HttpMethod.Get : HttpMethod.Post;
        var request = new HttpRequestMessage(method, (path ?? Path).TrimStart('/')) { Content = content };
        foreach (var (name, value) in headers ?? [])
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return _engine.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    /// <summary>The call that a request makes; a response without one fails the test at once.</summary>
    public async Task<JsonElement> CallOfAsync(Task sending)
    {
        var call = Worker.NextCallAsync(Id);
        if (await Task.WhenAny(call, sending) == sending && !call.IsCompleted)
        {
            Assert.Fail("the request has ended without a call of the function");
        }

        return await call;
    }

    /// <summary>Answers the call that a request makes, and returns the response to it.</summary>
    public async Task<HttpResponseMessage> AnswerAsync(Task<HttpResponseMessage> sending, string answer = "\"result\":{\"ok\":true}")
    {
        await Worker.AnswerAsync(await CallOfAsync(sending), answer);
        return await sending;
    }

    /// <summary>What the function is called with for a request, which is then answered.</summary>
    public async Task<JsonElement> InputOfAsync(Task<HttpResponseMessage> sending)
    {
        var call = await CallOfAsync(sending);
        await Worker.AnswerAsync(call);
        using var response = await sending;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return call.GetProperty("data");
    }

    /// <summary>Opens an end of a channel that a call carries.</summary>
    public Task<TestChannelEnd> OpenAsync(JsonElement call, string name) =>
        TestChannelEnd.OpenAsync(_engine.WorkerPort, call.GetProperty("data").GetProperty(name));

    public ValueTask DisposeAsync() => Worker.DisposeAsync();

    private static async Task<RoutedFunction> ConnectAsync(EngineFixture engine, string version)
    {
        var worker = await engine.ConnectAsync();
        var function = new RoutedFunction(engine, worker);
        await worker.CallAsync("engine::workers::register", $$"""{"runtime":"node","version":"{{version}}"}""");
        await worker.RegisterAsync(function.Id);
        return function;
    }

    private static async Task<ICollection<string>> AllowedAsync(EngineFixture engine, string pattern)
    {
        using var request = new HttpRequestMessage(new HttpMethod("PROPFIND"), pattern.TrimStart('/'));
        using var response = await engine.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return response.Content.Headers.Allow;
    }
}
