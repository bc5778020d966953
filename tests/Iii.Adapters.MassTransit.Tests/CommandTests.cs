using System.Diagnostics;
using Iii.Adapters.MassTransit.Tests.Support;
using Iii.TestServers;

namespace Iii.Adapters.MassTransit.Tests;

/// <summary>The command <c>iii-masstransit</c>, as a process.</summary>
public sealed class CommandTests(SharedServer shared)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_command_runs_the_engine_over_MassTransit_until_it_is_told_to_stop()
    {
        var file = Path.Combine(Path.GetTempPath(), $"iii-{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(
            file,
            $$"""
            port: {{FreePorts.Take()}}
            modules:
              - class: modules::queue::QueueModule
                config: { adapter: { class: modules::queue::MassTransitAdapter, config: { url: "{{shared.Server.Url}}" } } }
            """);
        using var command = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "iii-masstransit"), ["--config", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            var errors = command.StandardError.ReadToEndAsync(patience.Token);
            var report = "";
            while (!report.EndsWith("ready\n", StringComparison.Ordinal))
            {
                var line = await command.StandardOutput.ReadLineAsync(patience.Token);
                Assert.True(line is not null, $"It ended: {report}{(line is null ? await errors : "")}");
                report += line + "\n";
            }

            Assert.Contains("masstransit", report, StringComparison.Ordinal);
            Signals.SendTerminate(command.Id);
            await command.StandardOutput.ReadToEndAsync(patience.Token);
            await command.WaitForExitAsync(patience.Token);
            Assert.Equal((0, ""), (command.ExitCode, await errors));
        }
        finally
        {
            if (!command.HasExited)
            {
                command.Kill();
            }

            File.Delete(file);
        }
    }
}
