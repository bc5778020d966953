using Iii.Cli;
using Iii.Engine.Configuration;
using Iii.Engine.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

var exitCode = new CommandLine().Read(args, out var arguments);
if (arguments is null)
{
    return exitCode;
}

var loaded = ConfigurationLoader.Load(arguments.ConfigFile);
foreach (var warning in loaded.Warnings)
{
    Console.Error.WriteLine($"Warning: {warning.Render()}");
}

if (loaded.Configuration is not { } configuration)
{
    foreach (var error in loaded.Errors)
    {
        Console.Error.WriteLine($"Error: {error.Render()}");
    }

    return ExitCodes.Failure;
}

using var shutdown = new ShutdownSignal();
await using var host = EngineHost.Create(configuration, ConfigureLogging, adapters: [new EmbeddedAdapter(), new RedisAdapter(), new RabbitMqAdapter()]);
try
{
    await host.StartAsync(shutdown.Token);
}
catch (OperationCanceledException) when (shutdown.Token.IsCancellationRequested)
{
    Console.WriteLine("Stopped before the engine was up.");
    return ExitCodes.Success;
}
catch (EngineStartException e)
{
    Console.Error.WriteLine($"Error: {e.Message}");
    return ExitCodes.Failure;
}

Console.WriteLine(host.Describe(ProductVersion.Text));
await shutdown.Requested;
Console.WriteLine("Shutting down: no new work is taken, what is under way may finish.");
await host.StopAsync();
return ExitCodes.Success;

static void ConfigureLogging(ILoggingBuilder logging) => logging
    .AddFilter("Microsoft", LogLevel.Warning)
    .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None) // it would log what is said above, with its stack
    .AddConsole(static console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite) // a blocked terminal blocks nobody
    .AddSimpleConsole(static console =>
    {
        console.SingleLine = true;
        console.TimestampFormat = "HH:mm:ss.fff ";
        console.UseUtcTimestamp = true;
    });
