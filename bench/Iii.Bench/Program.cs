using System.CommandLine;
using System.Globalization;
using Iii.Bench.Commands;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand("Black-box benchmarks of iii for .NET, next to a relay that marks the floor.")
{
    SuiteCommands.Http(),
    SuiteCommands.Invoke(),
    StartupCommand.Create(),
    ProgramCommands.Relay(),
    ProgramCommands.Worker(),
    ProgramCommands.Caller(),
};

// Time to end the processes that were started, when this one is told to stop.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(10) };
return await root.Parse(args).InvokeAsync(configuration);
