using System.Net;
using System.Text;
using System.Text.Json;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Compatibility;

/// <summary>A server that the engine calls: what an HTTP-invoked function leads to.</summary>
internal sealed class HttpTarget : IDisposable
{
    private readonly HttpListener _listener = new();

    public HttpTarget()
    {
        Url = $"http://127.0.0.1:{FreePorts.Take()}/";
        _listener.Prefixes.Add(Url);
        _listener.Start();
    }

    public string Url { get; }

    /// <summary>Takes the request that a call causes, and answers it; a call that ends before fails here.</summary>
    public async Task<Request> TakeAsync(Task call, string answer)
    {
        var arriving = _listener.GetContextAsync();
        await Eventually.EndsAsync("the request arrives", Task.WhenAny(arriving, call));
        if (!arriving.IsCompleted)
        {
            await call;
        }

        var context = await Eventually.EndsAsync("the request arrives before the call ends", arriving, within: TimeSpan.FromSeconds(5));
        using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
        var body = JsonElement.Parse(await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        context.Response.ContentType = "application/json";
        context.Response.Close(Encoding.UTF8.GetBytes(answer), willBlock: false);
        return new Request(
            $"{context.Request.HttpMethod} {context.Request.RawUrl}", context.Request.Headers["x-custom"], body);
    }

    public void Dispose() => _listener.Close();

    /// <summary>What arrived.</summary>
    internal sealed record Request(string Line, string? CustomHeader, JsonElement Body);
}
