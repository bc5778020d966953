using Iii.Engine.Hosting;

namespace Iii.Cli;

/// <summary>Says what to run for MassTransit, which cannot be compiled ahead of time and is left out of this command.</summary>
internal sealed class MissingMassTransit : IBrokerAdapter
{
    public string Name => "masstransit";

    public ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken) =>
        throw new ArgumentException(
            "this build leaves MassTransit out, because it cannot be compiled ahead of time. Run the same configuration with the command "
            + "iii-masstransit (the project src/Iii.Cli.MassTransit), or choose the adapter 'rabbitmq'.");
}
