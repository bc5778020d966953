using System.CommandLine;
using System.CommandLine.Help;
using Iii.Engine.Hosting;

namespace Iii.Cli;

/// <summary>The options of the <c>iii</c> command (protocol §9.5).</summary>
internal sealed class CommandLine
{
    private readonly RootCommand _command;
    private readonly Option<string?> _config = new("--config", "-c")
    {
        Description = "The configuration file. Without it, config.yaml in the working directory, or the defaults when there is none.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _version = new("--version", "-v") { Description = "Prints the version number." };

    public CommandLine()
    {
        _command = new RootCommand("Runs an iii engine: workers connect to it by WebSocket, and their functions become routes, jobs and events.");
        _command.Options.Clear();
        _command.Options.Add(_config);
        _command.Options.Add(_version);
        _command.Options.Add(new HelpOption("--help", "-h"));
        _command.TreatUnmatchedTokensAsErrors = true;
        _command.SetAction(static _ => ExitCodes.Success);
    }

    /// <summary>Reads the arguments.</summary>
    /// <param name="args">The arguments of the process.</param>
    /// <param name="arguments">What they ask for; null when the process should end with the returned code.</param>
    /// <returns>The exit code when <paramref name="arguments"/> is null.</returns>
    public int Read(string[] args, out Arguments? arguments)
    {
        arguments = null;
        var parsed = _command.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine($"Error: {error.Message}");
            }

            Console.Error.WriteLine("Run `iii --help` for the options.");
            return ExitCodes.Usage;
        }

        if (parsed.Action is HelpAction)
        {
            return parsed.Invoke();
        }

        if (parsed.GetValue(_version))
        {
            Console.WriteLine(EngineProcess.Version);
            return ExitCodes.Success;
        }

        arguments = new Arguments(parsed.GetValue(_config));
        return ExitCodes.Success;
    }
}

/// <summary>What the command line asks for.</summary>
/// <param name="ConfigFile">The file that the user named; null when none was.</param>
internal sealed record Arguments(string? ConfigFile);
