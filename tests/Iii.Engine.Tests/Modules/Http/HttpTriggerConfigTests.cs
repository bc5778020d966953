using System.Text;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class HttpTriggerConfigTests
{
    [Fact]
    public void Defaults_are_get_and_merged_input()
    {
        var config = Parse("""{"api_path":"a","http_method":null,"metadata":{"anything":true}}""", out _)!;
        Assert.Equal((RouteMethods.Get, InputMode.Merged, null, null), (config.Method, config.Input, config.ConditionFunctionId, config.Timeout));
    }

    [Fact]
    public void All_members_are_understood()
    {
        var config = Parse("""{"api_path":"a","http_method":"pAtch","input":"body","timeout_ms":1500,"_condition_path":"c"}""", out _)!;
        Assert.Equal(
            (RouteMethods.Patch, InputMode.Body, "c", TimeSpan.FromMilliseconds(1500)),
            (config.Method, config.Input, config.ConditionFunctionId, config.Timeout));
    }

    [Theory]
    [InlineData("{}", "api_path is missing; write")]
    [InlineData("[]", "api_path is missing; write")]
    [InlineData("""{"api_path":7}""", "api_path 7 is not a string")]
    [InlineData("""{"api_path":"a","http_method":"FETCH"}""", "http_method \"FETCH\" is not known; write one of GET, POST")]
    [InlineData("""{"api_path":"a","http_method":1}""", "http_method 1 is not known")]
    [InlineData("""{"api_path":"a","input":"all"}""", "input \"all\" is not known; write one of \"merged\"")]
    [InlineData("""{"api_path":"a","timeout_ms":0}""", "timeout_ms 0 is not a time")]
    [InlineData("""{"api_path":"a","timeout_ms":"5s"}""", "timeout_ms \"5s\" is not a time")]
    [InlineData("""{"api_path":"a","timeout_ms":1e99}""", "timeout_ms 1e99 is not a time")]
    public void Problem_says_what_was_wrong_and_what_to_write(string json, string problem)
    {
        Assert.Null(Parse(json, out var actual));
        Assert.StartsWith(problem, actual, StringComparison.Ordinal);
    }

    private static HttpTriggerConfig? Parse(string json, out string? problem) =>
        HttpTriggerConfig.TryParse(Encoding.UTF8.GetBytes(json), false, out problem);
}
