using System.Text;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class TriggerTests
{
    [Fact]
    public async Task Provider_of_a_type_is_told_of_its_triggers()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var owner = await IiiWorker.ConnectAsync(engine.Url).Within();
        await using var user = await IiiWorker.ConnectAsync(engine.Url).Within();
        var (wanted, unwanted, fired) = (Patience.Signal<TriggerRequest>(), Patience.Signal<TriggerRequest>(), Patience.Signal<string>());
        user.RegisterRawFunction("triage", (input, _, _) =>
        {
            fired.SetResult(Encoding.UTF8.GetString(input.Span));
            return default;
        });
        var trigger = user.RegisterTrigger("mailbox", "triage", "{\"folder\":\"inbox\"}");

        using var type = owner.RegisterTriggerType(
            "mailbox",
            "Incoming mail",
            (request, _) =>
            {
                wanted.SetResult(request);
                return default;
            },
            (request, _) =>
            {
                unwanted.SetResult(request);
                return default;
            });

        var request = await wanted.Task.Within();
        Assert.Equal((trigger.Id, "mailbox", "triage"), (request.Id, request.TriggerType, request.FunctionId));
        Assert.Equal("{\"folder\":\"inbox\"}", Encoding.UTF8.GetString(request.Config.Span));
        await owner.InvokeVoidRawAsync(request.FunctionId, "\"mail\""u8.ToArray()).Within();
        Assert.Equal("\"mail\"", await fired.Task.Within());
        trigger.Dispose();
        Assert.Equal(trigger.Id, (await unwanted.Task.Within()).Id);
    }

    [Fact]
    public async Task Http_trigger_leads_requests_to_a_function()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
        worker.RegisterRawFunction("hello", static (_, _, _) =>
            new ValueTask<ReadOnlyMemory<byte>>("{\"status_code\":201,\"body\":{\"hello\":true}}"u8.ToArray()));
        worker.RegisterHttpTrigger("hello", "/hello");
        await worker.InvokeRawAsync("hello", "1"u8.ToArray()).Within();

        using var client = new HttpClient { BaseAddress = engine.Http };
        using var answer = await client.SendAsync(static () => new HttpRequestMessage(HttpMethod.Get, "/hello"));

        Assert.Equal(201, (int)answer.StatusCode);
        Assert.Equal("{\"hello\":true}", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
