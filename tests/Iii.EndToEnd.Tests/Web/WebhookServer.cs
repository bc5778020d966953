using System.Net;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests.Web;

/// <summary>A web server that notes what it gets and gives every request the same answer.</summary>
internal sealed class WebhookServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Channel<WebhookCall> _calls = Channel.CreateUnbounded<WebhookCall>();
    private readonly byte[] _answer;

    private WebhookServer(int port, string answer)
    {
        Url = $"http://localhost:{port}/webhook";
        _answer = Encoding.UTF8.GetBytes(answer);
        _listener.Prefixes.Add($"http://localhost:{port}/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Url { get; }

    /// <summary>How many calls have come that no test has taken.</summary>
    public int Waiting => _calls.Reader.Count;

    public static WebhookServer Start(string answer) => new(FreePorts.Take(), answer);

    /// <summary>The next call.</summary>
    public Task<WebhookCall> NextAsync() => Eventually.EndsAsync("the server is called", _calls.Reader.ReadAsync().AsTask());

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream);
                _calls.Writer.TryWrite(new WebhookCall(
                    context.Request.HttpMethod,
                    context.Request.Url!.AbsolutePath,
                    context.Request.Headers,
                    JsonElement.Parse(await reader.ReadToEndAsync())));
                context.Response.ContentType = "application/json";
                await context.Response.OutputStream.WriteAsync(_answer);
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
