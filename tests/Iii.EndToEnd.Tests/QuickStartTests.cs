using System.Net;
using System.Text;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>What a newcomer does: start the engine with nothing, start the worker of the README, and send one request.</summary>
[Collection(nameof(DefaultPorts))]
public class QuickStartTests
{
    [Theory]
    [MemberData(nameof(Sdks.Each), MemberType = typeof(Sdks))]
    public async Task Quick_start_answers_as_printed(string sdk)
    {
        using var folder = new TemporaryFolder();
        var program = folder.Write("worker.mjs", Readme.QuickStart(sdk));
        await using var engine = await EngineProcess.StartWithDefaultsAsync();
        await using var worker = NodeWorker.StartProgram(sdk, program);

        var answer = await Eventually.ValueAsync("POST /add answers 200", AddAsync, static answer => answer.Status == HttpStatusCode.OK);

        Assert.Equal("""{"sum":5}""", answer.Body);
        Assert.StartsWith("application/json", answer.ContentType, StringComparison.Ordinal);
        Assert.False(worker.HasExited);
    }

    /// <remarks>The third port of which the line speaks, 3112, is that of streams, which are not built yet.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.54")]
    public async Task Engine_without_a_configuration_file_listens_on_its_default_ports()
    {
        await using var engine = await EngineProcess.StartWithDefaultsAsync();

        using var unknown = await engine.Http.GetAsync("nothing/here", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.True(await FreePorts.AcceptsConnectionsAsync(EngineProcess.DefaultWorkerPort));
        Assert.Contains($"{EngineProcess.DefaultWorkerPort}", engine.Output, StringComparison.Ordinal);
        Assert.Contains($"{EngineProcess.DefaultHttpPort}", engine.Output, StringComparison.Ordinal);

        engine.Terminate();
        Assert.Equal(0, await engine.WaitForExitAsync());
    }

    private static async Task<Answer> AddAsync()
    {
        using var client = new HttpClient();
        using var input = new StringContent("""{"a":2,"b":3}""", Encoding.UTF8, "application/json");
        input.Headers.ContentType!.CharSet = null;
        using var response = await client.PostAsync(
            new Uri($"http://localhost:{EngineProcess.DefaultHttpPort}/add"), input, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new Answer(response.StatusCode, body, response.Content.Headers.ContentType?.ToString() ?? "");
    }

    private sealed record Answer(HttpStatusCode Status, string Body, string ContentType);
}
