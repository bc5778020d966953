using Iii.Sdk.Hosting;
using Iii.Sdk.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Iii.Sdk.Tests;

public class HostingTests
{
    [Fact]
    public async Task Worker_lives_as_long_as_its_host()
    {
        await using var engine = await LocalEngine.StartAsync();
        await using var caller = await IiiWorker.ConnectAsync(engine.Url).Within();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.AddIiiWorker(engine.Url, static (worker, _) => worker.RegisterFunction(
            "math.add", (Terms terms) => new Sum(terms.A + terms.B), TestJson.Default.Terms, TestJson.Default.Sum));
        using var host = builder.Build();

        await host.StartAsync(TestContext.Current.CancellationToken);
        await host.Services.GetRequiredService<IiiWorker>().WaitUntilConnectedAsync(TestContext.Current.CancellationToken).Within();
        var sum = await Patience.EventuallyAsync(() =>
            caller.InvokeAsync("math.add", new Terms(1, 2), TestJson.Default.Terms, TestJson.Default.Sum)).Within();
        Assert.Equal(3, sum.C);

        await host.StopAsync(TestContext.Current.CancellationToken);
        var e = await Assert.ThrowsAsync<IiiInvocationException>(() =>
            caller.InvokeAsync("math.add", new Terms(1, 2), TestJson.Default.Terms, TestJson.Default.Sum).AsTask().Within());
        Assert.Equal("function_not_found", e.Code);
    }
}
