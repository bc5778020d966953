using System.Text;
using Iii.Engine.Discovery;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Invocations;
using Iii.Engine.Triggers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Engine.Tests.Hosting;

public sealed class HealthPageTests : IDisposable
{
    private readonly DeadlineSweeper _deadlines = new(TimeProvider.System);
    private readonly FakeStatus _cluster = new();
    private readonly HealthPage _page;

    public HealthPageTests()
    {
        var functions = new FunctionDirectory();
        var workers = new WorkerDirectory(functions, new TriggerDirectory(NullLogger<TriggerDirectory>.Instance), _deadlines, InstanceId.New(null));
        _page = new HealthPage(_cluster, "shop", "redis", workers, functions);
    }

    public void Dispose() => _deadlines.Dispose();

    [Theory]
    [InlineData(EnginePhase.Starting, true, 503, "not_ready")]
    [InlineData(EnginePhase.Starting, false, 503, "not_ready")]
    [InlineData(EnginePhase.Running, true, 200, "ready")]
    [InlineData(EnginePhase.Running, false, 200, "degraded")]
    [InlineData(EnginePhase.Draining, true, 503, "not_ready")]
    [InlineData(EnginePhase.Draining, false, 503, "not_ready")]
    internal async Task Ready_is_who_takes_work(EnginePhase phase, bool isConnected, int status, string text)
    {
        _page.Phase = phase;
        _cluster.IsConnected = isConnected;

        Assert.Equal((status, $$"""{"status":"{{text}}"}"""), await AskAsync("GET", "/health/ready", withDetails: false));
        Assert.Equal((200, """{"status":"live"}"""), await AskAsync("GET", "/health/live", withDetails: true));
        Assert.Equal((status, ""), await AskAsync("HEAD", "/health/ready", withDetails: true));
    }

    [Fact]
    public async Task The_details_show_the_cluster_as_this_instance_sees_it()
    {
        _page.Phase = EnginePhase.Running;

        Assert.Equal(
            (200,
            """{"status":"ready","instance":"a","cluster":{"name":"shop","digest":"0f","members":["""
            + """{"instance":"a","status":"alive","digest":"0f"},{"instance":"b","status":"suspect","digest":"1e"}]}"""
            + ""","workers":0,"functions":0,"broker":{"adapter":"redis","connected":true}}"""),
            await AskAsync("GET", "/health/ready", withDetails: true));
    }

    [Theory]
    [InlineData("GET", "/health/ready", true)]
    [InlineData("HEAD", "/health/live", true)]
    [InlineData("POST", "/health/live", false)]
    [InlineData("GET", "/health", false)]
    [InlineData("GET", "/health/live/", false)]
    [InlineData("GET", "/Health/live", false)]
    public void The_page_has_two_paths(string method, string path, bool expected)
    {
        Assert.Equal(expected, HealthPage.IsFor(Request(method, path).Request));
    }

    private async Task<(int Status, string Body)> AskAsync(string method, string path, bool withDetails)
    {
        var context = Request(method, path);
        using var body = new MemoryStream();
        context.Response.Body = body;
        await _page.AnswerAsync(context, withDetails);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }

    private static DefaultHttpContext Request(string method, string path)
    {
        var context = new DefaultHttpContext();
        (context.Request.Method, context.Request.Path) = (method, path);
        return context;
    }

    private sealed class FakeStatus : IClusterStatus
    {
        public string Instance => "a";

        public string Digest => "0f";

        public bool IsConnected { get; set; } = true;

        public IReadOnlyList<(string Instance, string Status, string Digest)> Members => [("a", "alive", "0f"), ("b", "suspect", "1e")];
    }
}
