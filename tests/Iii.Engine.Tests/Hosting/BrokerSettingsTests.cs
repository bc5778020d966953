using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Hosting;

public sealed class BrokerSettingsTests
{
    [Fact]
    public void Settings_are_read_by_name_and_the_others_are_the_adapters_defaults()
    {
        var settings = With(("prefix", "x"), ("database", "0x3"), ("command_timeout_ms", "1500"));

        Assert.Equal("redis://h", settings.Url("redis://host:6379"));
        Assert.Equal(("x", "d"), (settings.Text("prefix", "-"), settings.Text("suffix", "d")));
        Assert.Equal((3, 7), (settings.Number("database", 0, 0, 15), settings.Number("other", 7)));
        Assert.Equal(TimeSpan.FromSeconds(1.5), settings.Milliseconds("command_timeout_ms", TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(5), settings.Milliseconds("connect_timeout_ms_x", TimeSpan.FromSeconds(5)));
        settings.Check();
    }

    [Fact]
    public void All_that_is_wrong_is_reported_together()
    {
        var settings = new BrokerSettings(new BrokerOptions
        {
            Adapter = "redis",
            Settings = new Dictionary<string, string> { ["databas"] = "1", ["zebra"] = "2", ["database"] = "16", ["pause_ms"] = "soon" },
        });

        Assert.Equal("", settings.Url("redis://host:6379"));
        Assert.Equal(4, settings.Number("database", 4, 0, 15));
        Assert.Equal(TimeSpan.FromSeconds(1), settings.Milliseconds("pause_ms", TimeSpan.FromSeconds(1)));
        Assert.Equal(
            """
            broker.url: the adapter 'redis' needs one; write it as redis://host:6379
            broker.database: expected a whole number from 0 to 15, got '16'
            broker.pause_ms: expected a whole number from 1 to 2147483647, got 'soon'
            broker (adapter 'redis'): unknown key 'databas'; did you mean 'database'? Known keys: adapter, url, connect_timeout_ms, database, pause_ms.
            broker (adapter 'redis'): unknown key 'zebra'. Known keys: adapter, url, connect_timeout_ms, database, pause_ms.
            """,
            Assert.Throws<EngineStartException>(settings.Check).Message);
    }

    private static BrokerSettings With(params (string Name, string Value)[] settings) => new(new BrokerOptions
    {
        Adapter = "redis",
        Url = "redis://h",
        Settings = settings.ToDictionary(static setting => setting.Name, static setting => setting.Value),
    });
}
