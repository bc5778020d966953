using System.Diagnostics;
using System.Net;
using System.Text;
using Iii.EndToEnd.Tests.Processes;

namespace Iii.EndToEnd.Tests;

/// <summary>motia 1.0.0-rc.26, the framework on top of iii-sdk 0.3.0: an app of one API step.</summary>
public sealed class MotiaTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task App_with_an_api_step_is_built_and_answers()
    {
        await using var engine = await EngineProcess.StartAsync();
        CopyApp();
        await using (var build = Node(engine, "motia-dev", Path.Combine(Repository.NodeFolder, "node_modules", "motia", "dist", "new", "cli.mjs"), "dev"))
        {
            Assert.Equal(0, await build.WaitForExitAsync());
        }

        await using var app = Node(engine, "motia-app", Path.Combine("dist", "index-dev.js"));

        using var response = await Eventually.ValueAsync(
            "the step answers",
            () => GreetAsync(engine),
            static response => response.StatusCode != HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("Ada", response.Headers.GetValues("x-greeted").Single());
        Assert.Equal(
            """{"greeting":"Hello, Ada!"}""", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.False(app.HasExited);
    }

    private static async Task<HttpResponseMessage> GreetAsync(EngineProcess engine)
    {
        using var body = new StringContent("""{"word":"Hello"}""", Encoding.UTF8, "application/json");
        return await engine.Http.PostAsync("greet/Ada", body, TestContext.Current.CancellationToken);
    }

    /// <summary>The build writes into the app's folder, so it gets one of its own.</summary>
    private void CopyApp()
    {
        var steps = Directory.CreateDirectory(Path.Combine(_folder.FullPath, "steps"));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.NodeFolder, "motia", "steps")))
        {
            File.Copy(file, Path.Combine(steps.FullName, Path.GetFileName(file)));
        }

        _folder.Write("package.json", """{ "name": "greeter", "private": true, "type": "module" }""");
        Directory.CreateSymbolicLink(Path.Combine(_folder.FullPath, "node_modules"), Path.Combine(Repository.NodeFolder, "node_modules"));
    }

    private Program Node(EngineProcess engine, string name, params string[] arguments) => new(name, new ProcessStartInfo("node", arguments)
    {
        WorkingDirectory = _folder.FullPath,
        Environment = { ["III_URL"] = engine.WorkerUrl },
    });

    private sealed class Program(string name, ProcessStartInfo start) : ChildProcess(name, start);
}
