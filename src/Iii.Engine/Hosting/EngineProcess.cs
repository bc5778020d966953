using System.Reflection;
using Iii.Engine.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Iii.Engine.Hosting;

/// <summary>
/// A process that is an engine: reads its configuration, says on the console what it does, runs until it is told to end by SIGTERM or
/// SIGINT, and drains. It is all that the <c>iii</c> command does, for hosts with adapters of their own.
/// </summary>
public static class EngineProcess
{
    /// <summary>Exit code of a graceful end.</summary>
    public const int Success = 0;

    /// <summary>Exit code when the configuration is wrong, a listener could not be bound, or the broker could not be reached.</summary>
    public const int Failure = 1;

    /// <summary>The version of the engine.</summary>
    public static string Version { get; } =
        typeof(EngineProcess).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Runs an engine.</summary>
    /// <param name="configFile">The configuration file, as for <see cref="ConfigurationLoader.Load(string?, IReadOnlyList{IBrokerAdapter}?)"/>.</param>
    /// <param name="adapters">The adapters that the configuration may name, besides <c>memory</c>.</param>
    /// <returns>The exit code. What went wrong has been written to the standard error output.</returns>
    public static async Task<int> RunAsync(string? configFile, IReadOnlyList<IBrokerAdapter> adapters)
    {
        var loaded = ConfigurationLoader.Load(configFile, adapters);
        foreach (var warning in loaded.Warnings)
        {
            await Console.Error.WriteLineAsync($"Warning: {warning.Render()}");
        }

        foreach (var error in loaded.Errors)
        {
            await Console.Error.WriteLineAsync($"Error: {error.Render()}");
        }

        return loaded.Configuration is { } configuration ? await RunAsync(configuration, adapters) : Failure;
    }

    private static async Task<int> RunAsync(EngineConfiguration configuration, IReadOnlyList<IBrokerAdapter> adapters)
    {
        using var shutdown = new ShutdownSignal();
        await using var host = EngineHost.Create(configuration, ConfigureLogging, adapters: adapters);
        try
        {
            await host.StartAsync(shutdown.Token);
        }
        catch (OperationCanceledException) when (shutdown.Token.IsCancellationRequested)
        {
            Console.WriteLine("Stopped before the engine was up.");
            return Success;
        }
        catch (EngineStartException e)
        {
            await Console.Error.WriteLineAsync($"Error: {e.Message}");
            return Failure;
        }

        Console.WriteLine(host.Describe(Version));
        await shutdown.Requested;
        Console.WriteLine("Shutting down: no new work is taken, what is under way may finish.");
        await host.StopAsync();
        return Success;
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
