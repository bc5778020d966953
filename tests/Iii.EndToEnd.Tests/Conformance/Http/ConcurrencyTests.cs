using System.Net;
using System.Text.Json;

namespace Iii.EndToEnd.Tests.Conformance.Http;

/// <summary>More requests at a time than the engine works on, which is 1024 by default.</summary>
public class ConcurrencyTests(ConcurrencyTests.Engine engine) : IClassFixture<ConcurrencyTests.Engine>
{
    private const int Limit = 1024;

    /// <remarks>
    /// The limit is of all routes together, where the reference has it for each. Waiting is bounded as well: in number, and by the
    /// time of a request.
    /// </remarks>
    [Fact]
    [Trait("spec", "http 7.29")]
    public async Task Request_over_the_limit_waits_and_nobody_is_turned_away()
    {
        await using var f = await RoutedFunction.StartAsync(engine);
        var requests = Enumerable.Range(0, Limit + 1).Select(_ => f.SendAsync()).ToList();
        var calls = new List<JsonElement>();
        while (calls.Count < Limit)
        {
            calls.Add(await f.Worker.NextCallAsync(f.Id));
        }

        // One request waits, and which one it is shows when it is called at last.
        Assert.Empty(await f.Worker.BarrierAsync());
        await f.Worker.AnswerAsync(calls[0]);
        calls.Add(await f.Worker.NextCallAsync(f.Id));
        foreach (var call in calls.Skip(1))
        {
            await f.Worker.AnswerAsync(call);
        }

        foreach (var request in requests)
        {
            using var response = await request;
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    /// <summary>An engine of this class alone, since others would wait with these requests.</summary>
    public sealed class Engine() : EngineFixture("{}", "default_timeout: 30000");
}
