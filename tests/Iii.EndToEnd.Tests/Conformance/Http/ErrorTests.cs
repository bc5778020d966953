using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>Functions and conditions that fail, are missing, or say no.</summary>
public partial class ErrorTests(SharedEngine engine)
{
    [Fact]
    [Trait("spec", "http 7.19")]
    public async Task Failure_is_500_with_an_id_that_leads_to_the_log_and_nothing_else()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var code = Ids.New("my_code");
        using var response = await f.AnswerAsync(f.SendAsync(), $$""" "error":{"code":"{{code}}","message":"secret"} """);
        var id = await AssertFailedAsync(response);
        await Eventually.TrueAsync("the log tells of the failure", () => engine.Process.Output.Split('\n').Concat(engine.Process.Errors.Split('\n'))
            .Any(line => line.Contains(id, StringComparison.Ordinal)));
        var log = engine.Process.Output + engine.Process.Errors;
        Assert.Contains(code, log, StringComparison.Ordinal);
        Assert.Contains("secret", log, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("spec", "http 7.20")]
    public async Task Missing_function_is_500()
    {
        var path = Ids.New("path");
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync(RoutedFunction.Trigger(Ids.New("T"), Ids.New("missing"), path));
        await RoutedFunction.IsLiveAsync(engine, path);
        using var response = await engine.Http.GetAsync(path, TestContext.Current.CancellationToken);
        await AssertFailedAsync(response);
    }

    [Theory]
    [Trait("spec", "http 7.21")]
    [InlineData("_condition_path")]
    [InlineData("condition_function_id")]
    public async Task Condition_false_is_422_and_the_function_is_not_called(string key)
    {
        await using var f = await StartAsync(key);
        using var response = await f.DecideAsync(f.Routed.SendAsync(), "\"result\":false");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Equal(
            """{"error":"Request condition not met","skipped":true}""",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Empty(await f.Routed.Worker.BarrierAsync());
    }

    [Theory]
    [Trait("spec", "http 7.21")]
    [InlineData("\"result\":true")]
    [InlineData("\"result\":0")]
    [InlineData("\"result\":\"\"")]
    [InlineData("\"result\":null")]
    [InlineData("\"nothing\":true")]
    [InlineData("\"result\":{}")]
    public async Task Any_other_answer_of_the_condition_lets_the_function_run(string answer)
    {
        await using var f = await StartAsync();
        var sending = f.Routed.SendAsync();
        await f.AnswerConditionAsync(answer);
        using var response = await f.Routed.AnswerAsync(sending);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [Trait("spec", "http 7.21")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Condition_that_is_missing_or_fails_is_500(bool missing)
    {
        await using var f = await StartAsync();
        if (missing)
        {
            await f.Routed.Worker.SendAsync($$"""{"type":"unregisterfunction","id":"{{f.Condition}}"}""");
            await f.Routed.Worker.BarrierAsync();
        }

        var sending = f.Routed.SendAsync();
        using var response = await (missing ? sending : f.DecideAsync(sending, "\"error\":{\"code\":\"c\",\"message\":\"secret\"}"));
        await AssertFailedAsync(response);
        Assert.Empty(await f.Routed.Worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "http 7.22")]
    public async Task Condition_gets_the_input_of_the_function_without_channels()
    {
        await using var f = await StartAsync();
        var sending = f.Routed.SendAsync(new StringContent("{\"k\":[1]}", Encoding.UTF8, "application/json"), path: f.Routed.Path + "?q=2");
        var asked = JsonNode.Parse((await f.AnswerConditionAsync("\"result\":true")).GetProperty("data").GetRawText())!.AsObject();
        var input = JsonNode.Parse((await f.Routed.InputOfAsync(sending)).GetRawText())!.AsObject();
        Assert.Null(asked["request_body"]);
        Assert.Null(asked["response"]);
        Assert.Equal(("read", "write"), ((string?)input["request_body"]!["direction"], (string?)input["response"]!["direction"]));
        Assert.True(input.Remove("request_body") && input.Remove("response"));
        Assert.Equal(input.ToJsonString(), asked.ToJsonString());
        Assert.Equal("[1]", asked["k"]!.ToJsonString());
        Assert.Equal("""{"k":[1]}""", asked["body"]!.ToJsonString());
    }

    private static async Task<string> AssertFailedAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!.AsObject();
        Assert.Equal(["error", "error_id"], body.Select(static member => member.Key));
        Assert.Equal("internal server error", (string?)body["error"]);
        var id = (string)body["error_id"]!;
        Assert.Matches(ErrorId(), id);
        return id;
    }

    private async Task<Conditional> StartAsync(string key = "_condition_path")
    {
        var condition = Ids.New("condition");
        var routed = await RoutedFunction.StartAsync(engine, $",\"{key}\":\"{condition}\"");
        await routed.Worker.RegisterAsync(condition);
        await routed.Worker.BarrierAsync();
        return new Conditional(routed, condition);
    }

    [GeneratedRegex("^[0-9a-f]{12}$")]
    private static partial Regex ErrorId();

    /// <summary>A function behind a route with a condition, both of one worker.</summary>
    private sealed record Conditional(RoutedFunction Routed, string Condition) : IAsyncDisposable
    {
        /// <summary>Waits for the condition to be asked, and answers.</summary>
        /// <returns>The call of the condition.</returns>
        public async Task<System.Text.Json.JsonElement> AnswerConditionAsync(string answer)
        {
            var asked = await Routed.Worker.NextCallAsync(Condition);
            await Routed.Worker.AnswerAsync(asked, answer);
            return asked;
        }

        /// <summary>Answers for the condition of a request, which needs nothing more.</summary>
        public async Task<HttpResponseMessage> DecideAsync(Task<HttpResponseMessage> sending, string answer)
        {
            await AnswerConditionAsync(answer);
            return await sending;
        }

        public ValueTask DisposeAsync() => Routed.DisposeAsync();
    }
}
