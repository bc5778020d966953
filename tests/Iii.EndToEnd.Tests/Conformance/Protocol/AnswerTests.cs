namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>What a caller gets: a result, an error of one shape, or nothing when it wants nothing.</summary>
public class AnswerTests(SharedEngine engine)
{
    [Theory]
    [Trait("spec", "protocol 11.10")]
    [InlineData("")]
    [InlineData("\"invocation_id\":null,")]
    [InlineData("\"invocation_id\":\"5f0d4d39-3e6b-4c54-9a51-2f8c0d0b7c11\",\"action\":{\"type\":\"void\"},")]
    public async Task Fire_and_forget_is_never_answered(string members)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendAsync($$"""{"type":"invokefunction",{{members}}"data":{},"function_id":"no::such"}""");
        await worker.SendAsync($$"""{"type":"invokefunction",{{members}}"data":{},"function_id":"engine::workers::list"}""");
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.11")]
    public async Task Callee_of_a_fire_and_forget_call_gets_a_uuid_and_its_answer_is_swallowed()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.SendAsync($$"""{"type":"invokefunction","invocation_id":null,"function_id":"{{f}}","data":7}""");
        var call = await worker.NextCallAsync(f);
        Assert.True(Guid.TryParseExact(call.GetProperty("invocation_id").GetString(), "D", out _));
        await worker.AnswerAsync(call);
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact]
    [Trait("spec", "protocol 11.15")]
    public async Task Unknown_function_is_reported_under_the_callers_own_id()
    {
        await using var worker = await engine.ConnectAsync();
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id.ToUpperInvariant(), "orders::\\\"price\\\"");
        var result = await worker.ResultAsync(id);
        Assert.Equal("orders::\"price\"", result.GetProperty("function_id").GetString());
        Assert.Equal("function_not_found", result.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("Function orders::\"price\" not found", result.GetProperty("error").GetProperty("message").GetString());
        Assert.False(result.TryGetProperty("result", out _));
    }

    [Theory] // protocol 2.10
    [InlineData("B7D0B2F4-4D0E-49D5-8B0C-9F7C3B1F2A10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("b7d0b2f44d0e49d58b0c9f7c3b1f2a10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("{b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10}", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("urn:uuid:b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10", "b7d0b2f4-4d0e-49d5-8b0c-9f7c3b1f2a10")]
    [InlineData("i-1", "i-1")]
    public async Task Invocation_ids_of_every_spelling_are_answered(string sent, string echoed)
    {
        await using var worker = await engine.ConnectAsync();
        await worker.SendCallAsync(sent, "engine::workers::list");
        Assert.True((await worker.ResultAsync(echoed)).TryGetProperty("result", out _));
    }

    [Theory]
    [Trait("spec", "protocol 11.16")]
    [InlineData("\"x\":1", null)]
    [InlineData("\"result\":null", null)]
    [InlineData("\"result\":0", "0")]
    [InlineData("\"result\":1,\"error\":null", "1")]
    public async Task Answer_without_a_result_reaches_the_caller_without_one(string answer, string? result)
    {
        var (received, error) = await AnswerAsync(answer);
        Assert.Equal((result, null), (received, error));
    }

    [Fact]
    [Trait("spec", "protocol 11.17")]
    public async Task Of_a_result_and_an_error_the_caller_gets_the_error_alone()
    {
        var (result, error) = await AnswerAsync("\"result\":1,\"error\":{\"code\":\"c\",\"message\":\"m\",\"stacktrace\":\"s\"}");
        Assert.Equal((null, """{"code":"c","message":"m","stacktrace":"s"}"""), (result, error));
    }

    [Theory]
    [Trait("spec", "protocol 11.18")]
    [InlineData("\"error\":{\"code\":\"invocation_failed\"}", """{"code":"invocation_failed","message":"The function failed and gave no message"}""")]
    [InlineData("\"error\":{\"code\":7,\"message\":{\"a\":1},\"extra\":[1]}", """{"code":"7","message":"{\"a\":1}","extra":[1]}""")]
    [InlineData("\"error\":\"just text\"", """{"code":"invocation_failed","message":"just text"}""")]
    [InlineData("\"error\":true", """{"code":"invocation_failed","message":"The function failed and gave no message"}""")]
    public async Task Error_always_has_a_code_and_a_message_that_are_text(string answer, string expected)
    {
        var (result, error) = await AnswerAsync(answer);
        Assert.Equal((null, expected), (result, error));
    }

    [Fact] // protocol 12: a reply that cannot be understood fails its call
    public async Task Answer_without_sense_fails_its_call_at_once()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f);
        var call = await worker.NextCallAsync(f);
        await worker.SendAsync(
            $$"""{"type":"invocationresult","invocation_id":"{{call.GetProperty("invocation_id").GetString()}}","function_id":"{{f}}","result":{broken""");
        Assert.Equal("malformed_message", ErrorCode(await worker.ResultAsync(id)));
    }

    [Theory]
    [InlineData("\"function_id\":7,\"data\":{}}")]
    [InlineData("\"data\":{}}")]
    [InlineData("\"function_id\":\"f\",\"data\":{nonsense}}")]
    [InlineData("\"function_id\":\"f\",\"data\":NaN}")]
    public async Task Call_without_sense_is_answered_when_its_id_can_be_read(string rest)
    {
        await using var worker = await engine.ConnectAsync();
        var id = Guid.NewGuid().ToString();
        await worker.SendAsync($$"""{"type":"invokefunction","invocation_id":"{{id}}",{{rest}}""");
        Assert.Equal("malformed_message", ErrorCode(await worker.ResultAsync(id)));
        Assert.Empty(await worker.BarrierAsync());
    }

    [Fact] // protocol 2.1: some clients write the type last, and emit bare NaN
    public async Task Message_without_sense_is_ended_also_when_its_type_comes_last()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f);
        var dispatch = (await worker.NextCallAsync(f)).GetProperty("invocation_id").GetString();
        await worker.SendAsync($$"""{"invocation_id":"{{dispatch}}","function_id":"{{f}}","result":NaN,"type":"invocationresult"}""");
        Assert.Equal("malformed_message", ErrorCode(await worker.ResultAsync(id)));
        var call = Guid.NewGuid().ToString();
        await worker.SendAsync($$"""{"invocation_id":"{{call}}","function_id":"{{f}}","data":NaN,"type":"invokefunction"}""");
        Assert.Equal("malformed_message", ErrorCode(await worker.ResultAsync(call)));
        Assert.Empty(await worker.BarrierAsync());
    }

    [Theory] // member names that are legal JSON and no text
    [InlineData("\"error\":{\"\\ud800\":1}", "invocation_failed")]
    [InlineData("\"error\":{\"\\ud800\":1,\"code\":\"c\",\"message\":\"m\"}", "c")]
    [InlineData("\"\\ud800\":1,\"error\":{\"code\":\"c\",\"message\":\"m\"}", "c")]
    public async Task Names_that_are_no_text_leave_no_call_without_an_end(string answer, string code)
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f, members: ",\"action\":{\"\\ud800\":1}");
        await worker.AnswerAsync(await worker.NextCallAsync(f), answer);
        await worker.ResultAsync(id);
        Assert.Contains($"\"code\":\"{code}\"", worker.LastText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answer_from_another_worker_than_the_one_called_is_ignored()
    {
        var f = Ids.New("f");
        await using var callee = await engine.ConnectAsync();
        await using var stranger = await engine.ConnectAsync();
        await callee.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await callee.SendCallAsync(id, f);
        var call = await callee.NextCallAsync(f);
        await stranger.AnswerAsync(call, "\"result\":\"forged\"");
        await stranger.BarrierAsync();
        await callee.AnswerAsync(call, "\"result\":\"true\"");
        Assert.Equal("true", (await callee.ResultAsync(id)).GetProperty("result").GetString());
    }

    [Fact]
    public async Task Enqueue_action_is_refused_instead_of_carried_out_as_a_call()
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f, members: ""","action":{"type":"enqueue","queue":"default"}""");
        Assert.Equal("enqueue_error", ErrorCode(await worker.ResultAsync(id)));
        Assert.Empty(await worker.BarrierAsync());
    }

    /// <summary>What the caller gets for an answer: the JSON of the result and of the error, each null without it.</summary>
    private async Task<(string? Result, string? Error)> AnswerAsync(string answer)
    {
        var f = Ids.New("f");
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        var id = Guid.NewGuid().ToString();
        await worker.SendCallAsync(id, f);
        await worker.AnswerAsync(await worker.NextCallAsync(f), answer);
        var received = await worker.ResultAsync(id);
        return (
            received.TryGetProperty("result", out var result) ? result.GetRawText() : null,
            received.TryGetProperty("error", out var error) ? error.GetRawText() : null);
    }

    private static string? ErrorCode(System.Text.Json.JsonElement result) => result.GetProperty("error").GetProperty("code").GetString();
}
