using System.Net;
using System.Text.Json;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>The engine goes and comes back: workers of every SDK version find it again, with all that they had registered.</summary>
public class ReconnectTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Workers_of_every_version_come_back_after_a_restart(bool killed)
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        await using var first = await EngineProcess.StartAsync(workerPort, httpPort);
        var workers = await Task.WhenAll(Sdks.All.Select(sdk => NodeWorker.StartAsync(first, sdk, "routed", Name(sdk))));
        try
        {
            await AllRoutesAnswerAsync(first);

            await StopAsync(first, killed);
            await using var second = await EngineProcess.StartAsync(workerPort, httpPort);

            await AllRoutesAnswerAsync(second);
        }
        finally
        {
            foreach (var worker in workers)
            {
                await worker.DisposeAsync();
            }
        }
    }

    [Theory]
    [Trait("spec", "protocol 11.9")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Functions_of_every_version_come_back_after_a_restart(bool killed)
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());
        await using var first = await EngineProcess.StartAsync(workerPort, httpPort);
        var workers = await Task.WhenAll(Sdks.All.Select(sdk => NodeWorker.StartAsync(first, sdk, "routed", Name(sdk))));
        try
        {
            await StopAsync(first, killed);
            await using var second = await EngineProcess.StartAsync(workerPort, httpPort);
            await using var caller = await NodeWorker.StartAsync(second, Sdks.Usual, "caller", "caller");

            foreach (var name in Sdks.All.Select(Name))
            {
                await Eventually.TrueAsync(
                    $"the function of {name} answers", async () => ServedBy(await caller.CallAsync($"routed::{name}", new { })) == name);
            }
        }
        finally
        {
            foreach (var worker in workers)
            {
                await worker.DisposeAsync();
            }
        }
    }

    private static async Task StopAsync(EngineProcess engine, bool killed)
    {
        if (killed)
        {
            engine.Kill();
            await engine.WaitForExitAsync();
        }
        else
        {
            engine.Terminate();
            Assert.Equal(0, await engine.WaitForExitAsync());
        }
    }

    private static async Task AllRoutesAnswerAsync(EngineProcess engine)
    {
        foreach (var name in Sdks.All.Select(Name))
        {
            await Eventually.TrueAsync($"the route of {name} answers", async () =>
            {
                using var response = await engine.Http.GetAsync($"routed/{name}", TestContext.Current.CancellationToken);
                var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                return response.StatusCode == HttpStatusCode.OK && ServedBy(JsonElement.Parse(body)) == name;
            });
        }
    }

    private static string Name(string sdk) => $"routed-{sdk}";

    private static string? ServedBy(JsonElement result) => result.GetProperty("served_by").GetString();
}
