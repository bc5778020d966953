using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Iii.EndToEnd.Tests.Processes;
using Iii.EndToEnd.Tests.Web;

namespace Iii.EndToEnd.Tests;

/// <summary>Functions that workers of the published SDKs register with a URL.</summary>
public class HttpFunctionTests
{
    private const string FunctionId = "ext::score";

    private const string Modules =
        """
          - class: modules::http_functions::HttpFunctionsModule
            config:
              security:
                url_allowlist: [localhost, 127.0.0.1]
                block_private_ips: false
                require_https: false

        """;

    [Theory]
    [InlineData("0.9.0")]
    [InlineData("0.11.6")]
    [InlineData("0.22.1")]
    public async Task Function_with_a_url_serves_workers_and_routes_until_it_is_unregistered(string sdk)
    {
        using var server = WebhookServer.Start("""{"score":7}""");
        await using var engine = await EngineProcess.StartWithAsync(Modules);
        await using var worker = await NodeWorker.StartAsync(engine, sdk, "http_function", "owner");
        await worker.AskAsync("register", Registration(server.Url, "PUT"));

        var answer = await worker.CallAsync(FunctionId, new { order = 7 });

        Assert.Equal("""{"score":7}""", answer.GetRawText());
        var call = await server.NextAsync();
        Assert.Equal(("PUT", "/webhook", "acme"), (call.Method, call.Path, call.Headers["x-tenant"]));
        Assert.Equal(FunctionId, call.Headers["x-iii-Function-Path"]);
        Assert.True(Guid.TryParse(call.Headers["x-iii-Invocation-ID"], out _));
        Assert.Equal(7, call.Body.GetProperty("order").GetInt32());
        Assert.True(call.Body.TryGetProperty("_caller_worker_id", out _));

        using var response = await engine.Http.PostAsync("scored", Json("""{"order":8}"""), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"score":7}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(8, (await server.NextAsync()).Body.GetProperty("order").GetInt32());

        await worker.AskAsync("unregister");
        await Eventually.TrueAsync(
            "the function has left the list",
            async () => !await IsListedAsync(worker),
            within: TimeSpan.FromMilliseconds(300));
        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => worker.CallAsync(FunctionId, new { }));
        Assert.Equal("function_not_found", error.Code);
        Assert.Equal(0, server.Waiting);
    }

    [Theory]
    [InlineData("0.9.0")]
    [InlineData("0.11.6")]
    [InlineData("0.22.1")]
    public async Task Callers_learn_why_a_registration_failed(string sdk)
    {
        await using var engine = await EngineProcess.StartWithAsync(Modules);
        await using var worker = await NodeWorker.StartAsync(engine, sdk, "http_function", "owner");
        await worker.AskAsync("register", Registration("http://10.1.2.3/", "POST"));

        var error = await Assert.ThrowsAsync<WorkerErrorException>(() => worker.CallAsync(FunctionId, new { }));

        // The SDKs put the code in front of the message.
        Assert.Equal("url_validation_failed", error.Code);
        Assert.EndsWith("URL not in allowlist", error.Message, StringComparison.Ordinal);
    }

    private static JsonObject Registration(string url, string method) => new()
    {
        ["id"] = FunctionId,
        ["invocation"] = new JsonObject { ["url"] = url, ["method"] = method, ["headers"] = new JsonObject { ["x-tenant"] = "acme" } },
    };

    private static async Task<bool> IsListedAsync(NodeWorker worker)
    {
        var answer = await worker.CallAsync("engine::functions::list", new { });
        return answer.GetProperty("functions").EnumerateArray().Any(static row => row.GetProperty("function_id").GetString() == FunctionId);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
