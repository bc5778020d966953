using System.Net;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>What becomes of the value that a function returns.</summary>
public class ResponseTests(SharedEngine engine)
{
    [Theory]
    [Trait("spec", "http 7.10")]
    [InlineData("""{"status_code":404,"body":{"error":"x"}}""", 404, """{"error":"x"}""")]
    [InlineData("""{"status_code":999,"body":1}""", 999, "1")]
    [InlineData("""{"body":{ "z": 1, "a": 12345678901234567890 }}""", 200, """{ "z": 1, "a": 12345678901234567890 }""")]
    public Task Status_and_body_are_those_of_the_result(string result, int status, string body) => AssertAsync(result, status, body);

    [Theory]
    [Trait("spec", "http 7.11")]
    [InlineData("""{"status_code":201}""", 201, "{}")]
    [InlineData("""{"headers":{}}""", 200, "{}")]
    [InlineData("""{"body":null}""", 200, "null")]
    [InlineData("""{"body":"text"}""", 200, "\"text\"")]
    [InlineData("""{"status_code":"404","body":1}""", 200, "1")]
    public Task Missing_body_is_an_empty_object_and_missing_status_200(string result, int status, string body) =>
        AssertAsync(result, status, body);

    /// <remarks>The reference answers 200 with <c>{}</c> and loses the value; here a value that says nothing of a response is its body.</remarks>
    [Theory]
    [Trait("spec", "http 7.12")]
    [InlineData("\"bare\"")]
    [InlineData("[1]")]
    [InlineData("false")]
    [InlineData("0")]
    [InlineData("""{"sum":5}""")]
    public Task Bare_value_is_the_body(string result) => AssertAsync(result, 200, result);

    /// <remarks>A function whose SDK has channels may still stream its response, and is given time for that.</remarks>
    [Theory]
    [InlineData("\"result\":null")]
    [InlineData("\"x\":1")]
    public async Task No_result_of_a_worker_that_cannot_stream_is_204_and_empty(string answer)
    {
        await using var f = await RoutedFunction.StartAsync(engine, version: "0.3.0");
        using var response = await f.AnswerAsync(f.SendAsync(), answer);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Null(response.Content.Headers.ContentType);
    }

    private async Task AssertAsync(string result, int status, string body)
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        using var response = await f.AnswerAsync(f.SendAsync(), $"\"result\":{result}");
        Assert.Equal((status, "application/json"), ((int)response.StatusCode, response.Content.Headers.ContentType?.ToString()));
        Assert.Equal(body, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(body.Length, response.Content.Headers.ContentLength);
    }
}
