using System.Text;
using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Configuration;

public sealed class ConfigurationFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("iii-configuration-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_shipped_file_is_the_defaults()
    {
        var file = Path.Combine(RepositoryRoot(), ConfigurationLoader.DefaultFile);

        var result = ConfigurationLoader.Load(file, _ => null);

        Assert.Equal("", string.Join("\n", result.Errors));
        Assert.Empty(result.Warnings);
        Assert.Equal(EngineConfiguration.Defaults with { Source = file }, result.Configuration);
    }

    [Fact]
    public void The_shipped_file_shows_every_option()
    {
        var text = File.ReadAllText(Path.Combine(RepositoryRoot(), ConfigurationLoader.DefaultFile));

        var names = ConfigurationJson.Default.HttpOptions.Properties
            .Concat(ConfigurationJson.Default.WorkerGatewayOptions.Properties)
            .Concat(OptionsBinder.OptionsOf(ConfigurationJson.Default.BrokerOptions))
            .Concat(ConfigurationJson.Default.ClusterOptions.Properties)
            .Concat(ConfigurationJson.Default.HttpFunctionsOptions.Properties)
            .Concat(ConfigurationJson.Default.HttpFunctionsSecurityOptions.Properties)
            .Concat(OptionsBinder.OptionsOf(ConfigurationJson.Default.QueueOptions))
            .Concat(ConfigurationJson.Default.NamedQueueOptions.Properties)
            .Concat(ConfigurationJson.Default.BridgeOptions.Properties)
            .Concat(ConfigurationJson.Default.BridgeExposeOptions.Properties)
            .Concat(ConfigurationJson.Default.BridgeForwardOptions.Properties)
            .Select(property => property.Name);

        Assert.All(names, name => Assert.Contains($" {name}:", "\n " + text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_defaults_are_what_the_options_say()
    {
        var defaults = EngineConfiguration.Defaults;

        Assert.Equal(EngineConfiguration.DefaultsSource, defaults.Source);
        Assert.Equal(new HttpOptions(), defaults.Http);
        Assert.Equal(new WorkerGatewayOptions(), defaults.Gateway);
        Assert.Equal(("0.0.0.0", 3111, 30_000, 1024, 16_384, 16_777_216), (
            defaults.Http!.Host, defaults.Http.Port, defaults.Http.DefaultTimeoutMs, defaults.Http.ConcurrencyRequestLimit,
            defaults.Http.ConcurrencyQueueLimit, defaults.Http.BodyLimitBytes));
        Assert.Equal(("0.0.0.0", 49134, 67_108_864, 20_000, 60_000, 67_108_864L, 65_536, 600_000, 100_000, 10_000, 0), (
            defaults.Gateway.Host, defaults.Gateway.Port, defaults.Gateway.MaxMessageBytes, defaults.Gateway.PingIntervalMs,
            defaults.Gateway.PingTimeoutMs, defaults.Gateway.OutboundQueueBytes, defaults.Gateway.OutboundQueueMessages,
            defaults.Gateway.InvocationTimeoutMs, defaults.Gateway.MaxRegistrations, defaults.Gateway.DrainTimeoutMs,
            defaults.Gateway.DrainDelayMs));
        Assert.Empty(defaults.Http.Validate());
        Assert.Empty(defaults.Gateway.Validate());
    }

    [Fact]
    public void A_named_file_that_is_missing_is_an_error()
    {
        var file = Path.Combine(_folder.FullName, "none.yaml");

        var result = ConfigurationLoader.Load(file, _ => null);

        Assert.Equal($"{file}: there is no such file", Assert.Single(result.Errors).ToString());
        Assert.Equal($"{file}: there is no such file", result.Errors[0].Render());
    }

    [Fact]
    public void A_file_in_a_missing_folder_is_an_error()
    {
        var result = ConfigurationLoader.Load(Path.Combine(_folder.FullName, "none", "config.yaml"), _ => null);

        Assert.Contains("there is no such file", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_named_file_and_without_the_default_file_the_defaults_apply()
    {
        // The tests run in their output folder, where nothing puts a configuration.
        Assert.False(File.Exists(ConfigurationLoader.DefaultFile));

        Assert.Equal(EngineConfiguration.Defaults, ConfigurationLoader.Load(null, _ => null).Configuration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("# only a comment\n")]
    public void An_empty_file_is_an_error(string text)
    {
        var result = ConfigurationLoader.Load(Write(Encoding.UTF8.GetBytes(text)), _ => null);

        Assert.Contains("the file is empty", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_cannot_be_read()
    {
        var result = ConfigurationLoader.Load(_folder.FullName, _ => null);

        Assert.Contains("the file cannot be read", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_no_file_can_have_is_an_error()
    {
        Assert.Single(ConfigurationLoader.Load("", _ => null).Errors);
        Assert.Single(ConfigurationLoader.Load("a\0b", _ => null).Errors);
    }

    [Fact]
    public void A_file_that_is_not_utf8_is_an_error()
    {
        var result = ConfigurationLoader.Load(Write([.. "port: "u8, 0xFF, 0xFE]), _ => null);

        Assert.Contains("not UTF-8", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_does_not_move_positions()
    {
        var result = ConfigurationLoader.Load(Write([0xEF, 0xBB, 0xBF, .. "prot: 1"u8]), _ => null);

        Assert.Equal((1, 1), (result.Errors[0].Line, result.Errors[0].Column));
    }

    [Fact]
    public void A_file_is_read_up_to_its_limit_and_not_beyond()
    {
        var largest = "port: 7\n".PadRight(ConfigurationLoader.MaxFileBytes, '#');

        Assert.Equal(7, ConfigurationLoader.Load(Write(Encoding.UTF8.GetBytes(largest)), _ => null).Configuration!.Gateway.Port);
        Assert.Contains(
            "longer than 1048576 bytes",
            Assert.Single(ConfigurationLoader.Load(Write(Encoding.UTF8.GetBytes(largest + "#")), _ => null).Errors).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "longer than 1048576", Assert.Single(ConfigurationLoader.LoadText("f", largest + "#", _ => null).Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_source_is_the_file_as_named()
    {
        Assert.Equal("config.yaml", Configured.Valid("port: 1").Source);
    }

    private string Write(ReadOnlySpan<byte> bytes)
    {
        var file = Path.Combine(_folder.FullName, "config.yaml");
        File.WriteAllBytes(file, bytes);
        return file;
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Iii.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests do not run below the folder of Iii.sln.");
        }

        return folder.FullName;
    }
}
