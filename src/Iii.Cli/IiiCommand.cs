using Iii.Engine.Configuration;
using Iii.Engine.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Iii.Cli;

/// <summary>The <c>iii</c> command: one engine, from its start to its end. A command with further adapters is this one and those.</summary>
public static class IiiCommand
{
    private static readonly IBrokerAdapter[] Adapters = [new EmbeddedAdapter(), new RedisAdapter(), new RabbitMqAdapter(), new MissingMassTransit()];

    /// <summary>Runs the engine until it is told to stop.</summary>
    /// <param name="args">The arguments of the process.</param>
    /// <param name="more">Adapters besides those that are always there; one of the same name stands in for it.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] args, params IBrokerAdapter[] more)
    {
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
        await using var host = EngineHost.Create(configuration, ConfigureLogging, adapters: [.. Adapters, .. more]);
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
    }

    private static void ConfigureLogging(ILoggingBuilder logging) => logging
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None) // it would log what is said above, with its stack
        .AddConsole(static console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite) // a blocked terminal blocks nobody
        .AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.UseUtcTimestamp = true;
        });
}
