using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>The command's options, exit codes and messages.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [Trait("spec", "protocol 11.55")]
    [InlineData("--version")]
    [InlineData("-v")]
    public async Task Version_is_only_the_number(string option)
    {
        var expected = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

        var command = await EngineCommand.RunAsync(_folder.FullPath, option);

        Assert.Equal(new FinishedCommand(0, expected, ""), command);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    public async Task Help_names_the_options(string option)
    {
        var command = await EngineCommand.RunAsync(_folder.FullPath, option);

        Assert.Equal(0, command.ExitCode);
        Assert.Contains("--config", command.Output, StringComparison.Ordinal);
        Assert.Contains("--version", command.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("nonsense")]
    [InlineData("--config")]
    public async Task Command_line_that_makes_no_sense_is_a_usage_error(string argument)
    {
        var command = await EngineCommand.RunAsync(_folder.FullPath, argument);

        Assert.Equal(2, command.ExitCode);
        Assert.Contains(argument, command.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--config")]
    [InlineData("-c")]
    public async Task Named_file_that_is_missing_is_an_error(string option)
    {
        var command = await EngineCommand.RunAsync(_folder.FullPath, option, "nowhere.yaml");

        AssertRefused(command, "nowhere.yaml");
    }

    [Fact]
    [Trait("spec", "protocol 11.53")]
    public async Task Unknown_module_is_named_with_its_place()
    {
        var command = await RunWithAsync(
            """
            port: 49134
            modules:
              - class: modules::weather::WeatherModule
            """);

        AssertRefused(command, "modules::weather::WeatherModule", "test.yaml");
        AssertPlace(command, line: 3, column: 12);
    }

    [Fact]
    public async Task Misspelt_module_comes_with_the_known_name()
    {
        var command = await RunWithAsync(
            """
            modules:
              - class: modules::api::RestApiModul
            """);

        AssertRefused(command, "'modules::api::RestApiModul'", "id you mean", "'modules::api::RestApiModule'");
    }

    [Fact]
    [Trait("spec", "protocol 11.53")]
    public async Task Unknown_adapter_comes_with_the_known_names()
    {
        var command = await RunWithAsync(
            """
            modules:
              - class: modules::cron::CronModule
                config:
                  adapter: { class: modules::cron::SundialAdapter }
            """);

        AssertRefused(command, "'modules::cron::SundialAdapter'", "modules::cron::KvCronAdapter", "modules::cron::RedisCronAdapter");
        AssertPlace(command, line: 4, column: 25);
    }

    [Fact]
    [Trait("spec", "protocol 11.53")]
    public async Task Unknown_key_of_a_module_comes_with_the_known_name()
    {
        var command = await RunWithAsync(
            """
            modules:
              - class: modules::api::RestApiModule
                config:
                  prot: 3111
            """);

        AssertRefused(command, "'prot'", "id you mean", "'port'");
        AssertPlace(command, line: 4, column: 7);
    }

    [Fact]
    public async Task All_errors_are_reported_together()
    {
        var command = await RunWithAsync(
            """
            port: many
            modules:
              - class: modules::weather::WeatherModule
              - class: modules::api::RestApiModule
                config:
                  prot: 3111
            """);

        AssertRefused(command, "many", "WeatherModule", "'prot'");
    }

    /// <remarks>The exit code is that of any error in the configuration, where the reference aborts with 101.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.52")]
    public async Task Missing_variable_is_named_with_its_place()
    {
        var command = await RunWithAsync(
            """
            port: 49134
            modules:
              - class: modules::api::RestApiModule
                config:
                  port: ${III_TEST_MISSING}
            """);

        AssertRefused(command, "III_TEST_MISSING");
        AssertPlace(command, line: 5, column: 13);
    }

    /// <remarks>The reference looks into comments as well, and does not start.</remarks>
    [Fact]
    [Trait("spec", "protocol 11.52")]
    public async Task Variable_in_a_comment_is_not_looked_up()
    {
        var (workerPort, httpPort) = (FreePorts.Take(), FreePorts.Take());

        await using var engine = await EngineProcess.StartAsync(
            workerPort, httpPort, "# ${III_TEST_MISSING}\n" + EngineProcess.Configuration(workerPort, httpPort));

        Assert.True(await FreePorts.AcceptsConnectionsAsync(workerPort));
    }

    [Fact]
    [Trait("spec", "protocol 11.52")]
    public async Task Variable_with_an_empty_default_is_the_empty_text()
    {
        var command = await RunWithAsync(
            """
            modules:
              - class: "${III_TEST_MISSING:}"
            """);

        AssertRefused(command, "unknown module ''");
    }

    [Theory]
    [Trait("spec", "protocol 11.53")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Busy_port_is_an_error_and_leaves_no_half_started_engine(bool workerPortIsBusy)
    {
        var (busy, other) = (FreePorts.Take(), FreePorts.Take());
        using var occupant = new TcpListener(IPAddress.Any, busy);
        occupant.Start();

        var command = await RunWithAsync(
            workerPortIsBusy ? EngineProcess.Configuration(busy, other) : EngineProcess.Configuration(other, busy));

        AssertRefused(command, $"{busy}");
        Assert.Equal("", command.Output);
        Assert.False(await FreePorts.AcceptsConnectionsAsync(other));
    }

    private static void AssertRefused(FinishedCommand command, params string[] told)
    {
        Assert.Equal(1, command.ExitCode);
        Assert.StartsWith("Error: ", command.Errors, StringComparison.Ordinal);
        Assert.All(told, text => Assert.Contains(text, command.Errors, StringComparison.Ordinal));
        Assert.DoesNotContain("   at Iii.", command.Errors, StringComparison.Ordinal);
    }

    private static void AssertPlace(FinishedCommand command, int line, int column) =>
        Assert.Matches(new Regex($@":{line}:{column}\b"), command.Errors);

    private Task<FinishedCommand> RunWithAsync(string configuration) =>
        EngineCommand.RunAsync(_folder.FullPath, "--config", _folder.Write("test.yaml", configuration));
}
