using Iii.Cli;
using Iii.Engine.Hosting;

var exitCode = new CommandLine().Read(args, out var arguments);
return arguments is null
    ? exitCode
    : await EngineProcess.RunAsync(arguments.ConfigFile, [new EmbeddedAdapter(), new RedisAdapter(), new RabbitMqAdapter()]);
