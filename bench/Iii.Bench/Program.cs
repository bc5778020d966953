using System.CommandLine;
using System.ComponentModel;
using System.Globalization;
using Iii.Bench.Commands;

const int Failed = 1;
const int Interrupted = 130;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var root = new RootCommand("Black-box benchmarks of iii for .NET, next to a relay that marks the floor.")
{
    SuiteCommands.Http(),
    SuiteCommands.Invoke(),
    SuiteCommands.Sdk(),
    StartupCommand.Create(),
    WorkersCommand.Create(),
    BrokerCommands.Bus(),
    BrokerCommands.Cluster(),
    SpreadCommand.Create(),
    QueueCommands.Queue(),
    QueueCommands.Jobs(),
    QueueCommands.Delayed(),
    ProgramCommands.Relay(),
    ProgramCommands.Worker(),
    ProgramCommands.Caller(),
    ProgramCommands.SdkWorker(),
    ProgramCommands.SdkCaller(),
    BrokerCommands.BusCaller(),
    BrokerCommands.BusServer(),
    QueueCommands.QueueCaller(),
};

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,

        // When told to stop: time to end the processes that were started.
        ProcessTerminationTimeout = TimeSpan.FromSeconds(10),
    });
}
catch (OperationCanceledException)
{
    return Interrupted;
}
catch (Exception failure) when (failure is InvalidOperationException or IOException or InvalidDataException or TimeoutException or Win32Exception)
{
    Console.Error.WriteLine(failure.Message);
    return Failed;
}
