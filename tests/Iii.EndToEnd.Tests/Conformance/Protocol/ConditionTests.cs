using System.Net;

namespace Iii.EndToEnd.Tests.Conformance.Protocol;

/// <summary>Functions that decide whether a trigger's function runs.</summary>
public class ConditionTests(SharedEngine engine)
{
    [Theory]
    [Trait("spec", "protocol 11.31")]
    [InlineData("\"result\":false", false)]
    [InlineData("\"error\":{\"code\":\"c\",\"message\":\"m\"}", false)]
    [InlineData("\"result\":true", true)]
    [InlineData("\"result\":0", true)]
    [InlineData("\"result\":\"\"", true)]
    [InlineData("\"result\":null", true)]
    [InlineData("\"x\":1", true)]
    public async Task Only_false_or_a_failure_of_the_condition_skips_the_function(string answer, bool runs)
    {
        var (f, condition) = (Ids.New("f"), Ids.New("condition"));
        await using var worker = await engine.ConnectAsync();
        await worker.RegisterAsync(f);
        await worker.RegisterAsync(condition);
        await worker.SendAsync(Discovery.Watch(f, $$"""{"_condition_path":"never","condition_function_id":"{{condition}}"}"""));
        await worker.BarrierAsync();
        await using var other = await engine.ConnectAsync();
        await other.BarrierAsync();
        var asked = await worker.NextAsync(message => IsCall(message, condition, other));
        await worker.AnswerAsync(asked, answer);
        if (runs)
        {
            await worker.NextAsync(message => IsCall(message, f, other));
        }
        else
        {
            // The next event asks the condition again; had the function run, its call would have come before.
            await using var third = await engine.ConnectAsync();
            await third.BarrierAsync();
            await worker.NextAsync(message => IsCall(message, condition, third));
            Assert.DoesNotContain(await worker.BarrierAsync(), message => IsCall(message, f, other));
        }
    }

    /// <remarks>
    /// The line has one key for some types of triggers and the other for the rest; here either names the condition of any type.
    /// Queue, cron, state and stream are not built yet.
    /// </remarks>
    [Theory]
    [Trait("spec", "protocol 11.32")]
    [InlineData("_condition_path")]
    [InlineData("condition_function_id")]
    public async Task Either_key_names_the_condition_of_any_type_of_trigger(string key)
    {
        var (f, condition) = (Ids.New("f"), Ids.New("condition"));
        await using var served = await RoutedFunction.StartAsync(engine, $",\"{key}\":\"{condition}\"");
        var worker = served.Worker;
        await worker.RegisterAsync(f);
        await worker.RegisterAsync(condition);
        await worker.SendAsync(Discovery.Watch(f, $$"""{"{{key}}":"{{condition}}"}"""));
        await worker.BarrierAsync();

        var sending = served.SendAsync();
        await worker.AnswerAsync(
            await worker.NextAsync(message => message.GetProperty("data").TryGetProperty("path", out _)), "\"result\":false");
        using var response = await sending;
        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);

        await using var other = await engine.ConnectAsync();
        await other.BarrierAsync();
        await worker.AnswerAsync(await worker.NextAsync(message => IsCall(message, condition, other)));
        await worker.NextAsync(message => IsCall(message, f, other));
    }

    private static bool IsCall(System.Text.Json.JsonElement message, string functionId, TestWorker of) =>
        Discovery.IsEvent(message, "worker_connected", of.WorkerId) && message.GetProperty("function_id").GetString() == functionId;
}
