using CustomQueueAdapter;
using Iii.Engine.Hosting;

return await EngineProcess.RunAsync(args is [var file] ? file : null, adapters: [new DirectoryAdapter()]);
