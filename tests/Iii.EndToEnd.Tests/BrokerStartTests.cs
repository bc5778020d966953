using Iii.EndToEnd.Tests.Processes;
using Iii.TestServers;

namespace Iii.EndToEnd.Tests;

/// <summary>How the command comes to its broker, or does not.</summary>
public sealed class BrokerStartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("redis", "redis://:secret@127.0.0.1")]
    [InlineData("rabbitmq", "amqp://guest:secret@127.0.0.1")]
    public async Task Broker_that_stays_away_is_waited_for_in_sight_and_then_ends_the_start(string adapter, string url)
    {
        // An attempt ends by itself within five or ten seconds, and mostly at once.
        var command = await EngineCommand.RunAsync(_folder.FullPath, "--config", Configure(adapter, $"{url}:{FreePorts.Take()}", 12_000));

        Assert.Equal(1, command.ExitCode);
        Assert.Contains("is not reachable yet (attempt 1)", command.Output, StringComparison.Ordinal);
        Assert.StartsWith($"Error: The broker, {adapter} at ", command.Errors, StringComparison.Ordinal);
        Assert.Contains("could not be reached within 12 s", command.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", command.Output + command.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Iii.", command.Output + command.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_that_waits_for_its_broker_can_be_called_off()
    {
        var configuration = Configure("redis", $"redis://127.0.0.1:{FreePorts.Take()}", 600_000);
        await using var command = EngineCommand.Start(EngineCommand.With(_folder.FullPath, "--config", configuration));
        await command.WaitForLineAsync("that it waits", static line => line.Contains("not reachable yet", StringComparison.Ordinal));

        command.Terminate();

        Assert.Equal(0, await command.WaitForExitAsync());
    }

    [Fact]
    public async Task Broker_of_the_environment_is_used_and_said()
    {
        await using var redis = await RedisServer.StartAsync(new RedisServerOptions { Password = "secret" });
        var configuration = _folder.Write("test.yaml", EngineProcess.Configuration(FreePorts.Take(), FreePorts.Take()));
        var start = EngineCommand.With(_folder.FullPath, "--config", configuration);
        start.Environment["REDIS_URL"] = redis.Url;
        await using var command = EngineCommand.Start(start);
        await command.WaitForLineAsync("that it is ready", static line => line == "ready");

        Assert.Contains($"broker     redis at redis://127.0.0.1:{redis.Port} (from REDIS_URL)", command.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", command.Output + command.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_adapter_and_unknown_setting_are_errors_with_the_known_names()
    {
        var adapter = await EngineCommand.RunAsync(_folder.FullPath, "--config", Configure("redi", "redis://127.0.0.1", 1000));
        Assert.Equal(1, adapter.ExitCode);
        Assert.Contains(
            "no adapter 'redi'; did you mean 'redis'? Adapters: embedded, masstransit, memory, rabbitmq, redis.", adapter.Errors, StringComparison.Ordinal);

        var setting = await EngineCommand.RunAsync(_folder.FullPath, "--config", Configure("redis, prefx: a", "redis://127.0.0.1", 1000));
        Assert.Equal(1, setting.ExitCode);
        Assert.Contains("unknown key 'prefx'; did you mean 'prefix'?", setting.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("broker: { adapter: masstransit, url: 'amqp://127.0.0.1' }\n", "broker: ")]
    [InlineData("", "adapter of modules::queue::QueueModule: ")]
    public async Task Native_command_says_what_to_run_for_MassTransit(string broker, string place)
    {
        var queue = broker.Length > 0 ? "" : "  - { class: modules::queue::QueueModule, config: { adapter: { class: modules::queue::MassTransitAdapter } } }\n";
        var command = await EngineCommand.RunAsync(
            _folder.FullPath,
            "--config",
            _folder.Write("test.yaml", EngineProcess.Configuration(FreePorts.Take(), FreePorts.Take()) + queue + broker));

        Assert.Equal(1, command.ExitCode);
        Assert.StartsWith($"Error: {place}this build leaves MassTransit out", command.Errors, StringComparison.Ordinal);
        Assert.Contains("iii-masstransit", command.Errors, StringComparison.Ordinal);
    }

    private string Configure(string adapter, string url, int timeout) => _folder.Write(
        "test.yaml",
        EngineProcess.Configuration(FreePorts.Take(), FreePorts.Take())
        + $"broker: {{ adapter: {adapter}, url: \"{url}\", connect_timeout_ms: {timeout} }}\n");
}
