using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Iii.Bench.Relay;

/// <summary>The relay floor: the least that can be done between an HTTP request and a worker, done well.</summary>
internal static class RelayServer
{
    public static async Task RunAsync(int httpPort, int workerPort, CancellationToken cancellation)
    {
        var switchboard = new Switchboard();
        var door = new HttpDoor(switchboard);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Any, httpPort);
            kestrel.Listen(IPAddress.Any, workerPort);
        });

        await using var app = builder.Build();
        app.MapWhen(context => context.Connection.LocalPort == workerPort, workers =>
        {
            workers.UseWebSockets();
            workers.Run(async context =>
            {
                if (context.WebSockets.IsWebSocketRequest)
                {
                    using var socket = await context.WebSockets.AcceptWebSocketAsync();
                    await new WorkerLink(socket, switchboard).RunAsync(cancellation);
                }
            });
        });
        app.Run(door.ServeAsync);
        await app.StartAsync(cancellation);
        await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
