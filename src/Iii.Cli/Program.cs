using Iii.Cli;

return await IiiCommand.RunAsync(args);
