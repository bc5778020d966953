using Iii.Engine.Configuration;
using Iii.Engine.Hosting;
using Microsoft.Extensions.Logging;

var host = EngineHost.Create(new EngineConfiguration(), l => { l.SetMinimumLevel(LogLevel.Debug); l.AddSimpleConsole(); });
await host.StartAsync();
Console.WriteLine(string.Join("\n", host.Listeners));
var stop = new TaskCompletionSource();
using var a = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, c => { c.Cancel = true; stop.TrySetResult(); });
await stop.Task;
await host.StopAsync();
await host.DisposeAsync();
return 0;
