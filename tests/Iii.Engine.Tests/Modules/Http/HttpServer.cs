using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Iii.Engine.Channels;
using Iii.Engine.Discovery;
using Iii.Engine.Hosting;
using Iii.Engine.Invocations;
using Iii.Engine.Modules.Http;
using Iii.Engine.Triggers;
using Iii.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

/// <summary>The HTTP module behind a real Kestrel on a free port, with functions that the test makes up.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TimeProvider _time;
    private readonly FunctionDirectory _functions = new();
    private readonly DeadlineSweeper _deadlines;
    private readonly InvocationMetrics _metrics;
    private readonly TriggerDirectory _triggers = new(NullLogger<TriggerDirectory>.Instance);
    private WebApplication? _app;
    private int _registrations;

    private HttpServer(HttpOptions options, TimeProvider time)
    {
        _time = time;
        _deadlines = new DeadlineSweeper(time);
        _metrics = new InvocationMetrics(time);
        var invoker = new FunctionInvoker(_functions, _deadlines, _metrics, time, TimeSpan.FromMinutes(10));
        Channels = new ChannelDirectory(InstanceId.New(), 100, static _ => true, time);
        Module = new HttpModule(options, invoker, Channels, time, Log);
        _triggers.AddType(HttpTriggerType.Id, "HTTP", Module.TriggerType);
    }

    public HttpModule Module { get; }

    public ChannelDirectory Channels { get; }

    public RecordingLogger Log { get; } = new();

    public HttpClient Client { get; private set; } = null!;

    public int Port { get; private set; }

    public static async Task<HttpServer> StartAsync(HttpOptions? options = null, TimeProvider? time = null)
    {
        var server = new HttpServer(options ?? new HttpOptions(), time ?? TimeProvider.System);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        server._app = builder.Build();
        server._app.Run(server.Module.HandleAsync);
        await server._app.StartAsync();
        var address = server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        server.Port = new Uri(address).Port;
        server.Client = new HttpClient { BaseAddress = new Uri(address), Timeout = Patience };
        return server;
    }

    /// <summary>Provides a function that answers with what the handler returns; null for no result.</summary>
    public void Function(string id, Func<JsonNode?, Task<string?>> handler) =>
        _functions.Register(new FunctionRegistration(id, new EngineFunction(
            async (call, _) =>
            {
                var text = await handler(call.Data.IsEmpty ? null : JsonNode.Parse(call.Data.Span));
                return text is null ? default : Encoding.UTF8.GetBytes(text);
            },
            _deadlines), this, FunctionDetails.None));

    /// <summary>Provides a function that always answers the same.</summary>
    public void Function(string id, string? result) => Function(id, _ => Task.FromResult(result));

    /// <summary>Provides a function that answers with its input as body, byte for byte.</summary>
    public void Echo(string id) =>
        _functions.Register(new FunctionRegistration(id, new EngineFunction(
            (call, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(
                (byte[])[.. "{\"body\":"u8, .. call.Data.Span, .. "}"u8]),
            _deadlines), this, FunctionDetails.None));

    /// <summary>Registers a provider of the test's own.</summary>
    public void Provide(string id, FunctionProvider provider) =>
        _functions.Register(new FunctionRegistration(id, provider, this, FunctionDetails.None));

    /// <summary>Registers a trigger and waits until it is effective.</summary>
    public async Task<Registrant> RouteAsync(string functionId, string config)
    {
        var owner = new Registrant();
        Assert.Null(TryRoute(functionId, config, owner));
        await PublishedAsync();
        return owner;
    }

    public string? TryRoute(string functionId, string config, Registrant? owner = null) =>
        _triggers.Register(
            $"trigger-{Interlocked.Increment(ref _registrations)}", HttpTriggerType.Id, functionId, Encoding.UTF8.GetBytes(config), null,
            owner ?? new Registrant(), int.MaxValue);

    /// <summary>A worker goes, with all that it registered.</summary>
    public async Task DisconnectAsync(Registrant owner)
    {
        _triggers.RemoveOwner(owner);
        await PublishedAsync();
    }

    public Task PublishedAsync() => UntilAsync(() =>
    {
        (_time as FakeTimeProvider)?.Advance(RouteTable.Pause);
        return Module.Routes.IsUpToDate;
    });

    /// <summary>Lets fake time pass until the task is done.</summary>
    public static Task PassTimeAsync(FakeTimeProvider time, Task until) => UntilAsync(() =>
    {
        time.Advance(TimeSpan.FromMilliseconds(10));
        return until.IsCompleted;
    });

    /// <summary>Waits for a condition, and fails when it does not come true.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, "the condition did not come true in time");
            await Task.Yield();
        }
    }

    public Task<HttpResponseMessage> GetAsync(string path) => Client.GetAsync(new Uri(path, UriKind.Relative));

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers) =>
        SendAsync(method, path, null, headers);

    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return Client.SendAsync(request);
    }

    public Task<HttpResponseMessage> PostJsonAsync(string path, string json) =>
        Client.PostAsync(new Uri(path, UriKind.Relative), new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>The JSON that a path answers to GET.</summary>
    public async Task<JsonNode> GetJsonAsync(string path, params (string Name, string Value)[] headers) =>
        await JsonOf(await SendAsync(HttpMethod.Get, path, headers));

    public static async Task<JsonNode> JsonOf(HttpResponseMessage response)
    {
        var text = await response.TextAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>Sends bytes as they are and returns all that comes back until the server closes.</summary>
    public Task<string> RawAsync(string request) => RawHttp.SendAsync(Port, request);

    /// <summary>Sends a GET whose target is not touched by any client library; returns the status.</summary>
    public Task<int> StatusOfAsync(string target) => RawHttp.StatusOfAsync(Port, target);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app!.DisposeAsync();
        Module.Dispose();
        Channels.Dispose();
        _deadlines.Dispose();
        _metrics.Dispose();
    }

    internal sealed class Registrant : ITriggerRegistrant
    {
        public string WorkerId { get; } = Guid.NewGuid().ToString();

        public void Send(Frame frame) => frame.Return();
    }

    internal sealed class RecordingLogger : ILogger<HttpModule>
    {
        private readonly List<string> _lines = [];

        public string[] Lines
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
            {
                _lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
            }
        }
    }
}

internal static class HttpResponseMessageExtensions
{
    public static Task<string> TextAsync(this HttpResponseMessage response) => response.Content.ReadAsStringAsync();
}
