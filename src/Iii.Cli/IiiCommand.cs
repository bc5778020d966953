using Iii.Engine.Hosting;

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
        return arguments is null ? exitCode : await EngineProcess.RunAsync(arguments.ConfigFile, [.. Adapters, .. more]);
    }
}
