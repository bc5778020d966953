using Iii.Cli;
using Iii.Cli.MassTransit;

return await IiiCommand.RunAsync(args, new MassTransitAdapter());
