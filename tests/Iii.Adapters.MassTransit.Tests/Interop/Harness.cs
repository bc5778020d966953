using MassTransit;
using MassTransit.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Iii.Adapters.MassTransit.Tests.Interop;

/// <summary>A stock service under MassTransit's own test harness.</summary>
internal sealed class Harness : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private Harness(ServiceProvider services) => _services = services;

    public ITestHarness Service => _services.GetRequiredService<ITestHarness>();

    public IBusControl Bus => _services.GetRequiredService<IBusControl>();

    public static async Task<Harness> StartAsync(Action<IBusRegistrationConfigurator> add)
    {
        var services = new ServiceCollection();
        services.AddMassTransitTestHarness(TextWriter.Null, service =>
        {
            service.DisableUsageTelemetry();
            add(service);
        });
        var harness = new Harness(services.BuildServiceProvider(validateScopes: true));
        await harness.Service.Start();
        return harness;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
