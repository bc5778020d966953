using Iii.Engine.Configuration;
using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Configuration;

public sealed class BrokerSectionTests
{
    private static readonly (string Name, string Value) RedisVariable = ("REDIS_URL", "redis://r:1");
    private static readonly (string Name, string Value) RabbitMqVariable = ("RABBITMQ_URL", "amqp://q:2");

    [Theory]
    [InlineData("port: 1")]
    [InlineData("broker:")]
    [InlineData("broker: {}")]
    [InlineData("broker: {adapter: memory}")]
    [InlineData("broker: {url: null}")]
    public void The_default_is_the_memory_of_this_process(string text)
    {
        var options = Configured.Valid(text).Broker;

        Assert.Equal(new BrokerOptions(), options with { Settings = new BrokerOptions().Settings });
        Assert.Equal(("memory", null, 30_000), (options.Adapter, options.Url, options.ConnectTimeoutMs));
        Assert.Empty(options.Settings);
    }

    [Fact]
    public void Keys_that_not_every_adapter_has_are_settings_of_the_adapter_as_text()
    {
        var options = Configured.Valid(
            """
            broker:
              adapter: redis
              url: "redis://:${SECRET}@host:6379"
              connect_timeout_ms: 0x10
              database: 3
              prefix: "a b"
              compress: true
              empty: ""
            """,
            ("SECRET", "p:w"),
            RedisVariable).Broker;

        Assert.Equal(("redis", "redis://:p:w@host:6379", 16, null), (options.Adapter, options.Url, options.ConnectTimeoutMs, options.Variable));
        Assert.Equal(
            new Dictionary<string, string> { ["database"] = "3", ["prefix"] = "a b", ["compress"] = "true", ["empty"] = "" }, options.Settings);
    }

    [Theory]
    [InlineData("port: 1")]
    [InlineData(null)]
    public void Without_a_broker_the_environment_decides(string? file)
    {
        Assert.Equal(
            new BrokerOptions { Adapter = "redis", Url = "redis://r:1", Variable = "REDIS_URL" }, Load(file, RedisVariable, RabbitMqVariable));
        Assert.Equal(
            new BrokerOptions { Adapter = "rabbitmq", Url = "amqp://q:2", Variable = "RABBITMQ_URL" }, Load(file, ("REDIS_URL", ""), RabbitMqVariable));
        Assert.Equal(new BrokerOptions(), Load(file, ("RABBITMQ_URL", "")));
    }

    [Theory]
    [InlineData("broker: {}")]
    [InlineData("broker: {adapter: memory}")]
    public void A_broker_in_the_file_stands_above_the_environment(string text)
    {
        Assert.Equal("memory", Configured.Valid(text, RedisVariable).Broker.Adapter);
    }

    [Theory]
    [InlineData("broker: redis", "1:9 broker: expected a mapping, got the text 'redis'")]
    [InlineData("broker: [redis]", "1:9 broker: expected a mapping, got a list")]
    [InlineData("broker: {adapter: }", "1:19 broker.adapter: expected text, got no value; write one or remove the key")]
    [InlineData("broker: {adapter: ''}", "1:19 broker.adapter: the name of the adapter is empty; write one such as 'redis'")]
    [InlineData("broker: {adapter: redis, connect_timeout_ms: -1}", "1:46 broker.connect_timeout_ms: -1 is out of range; write 1 or more")]
    [InlineData("broker: {adapter: redis, connect_timeout_ms: soon}", "1:46 broker.connect_timeout_ms: expected a whole number, got the text 'soon'")]
    [InlineData("broker: {adapter: redis, hosts: [a]}", "1:33 broker.hosts: expected a single value, got a list")]
    [InlineData("broker: {adapter: redis, tls: {}}", "1:31 broker.tls: expected a single value, got a mapping")]
    [InlineData("broker: {adapter: redis, prefix: }", "1:34 broker.prefix: expected a value, got no value; write one or remove the key")]
    [InlineData(
        "broker: {url: 'redis://u:p@h'}",
        "1:15 broker.url: the adapter 'memory' is in this process and has no URL; name another adapter, such as 'redis', or remove the URL")]
    public void What_is_wrong_is_reported_at_its_place(string text, string expected)
    {
        Assert.Equal([expected], Configured.Errors(text));
    }

    [Theory]
    [InlineData("broker: {adapter: redis, url: '${MISSING}'}")]
    [InlineData("broker: {adapter: redis, prefix: '${MISSING}'}")]
    [InlineData("broker: ${MISSING}")]
    public void A_variable_without_a_value_is_one_error(string text)
    {
        Assert.Contains("MISSING", Configured.Error(text).Message, StringComparison.Ordinal);
    }

    private static BrokerOptions Load(string? file, params (string Name, string Value)[] environment) => file is null
        ? ConfigurationLoader.Load(null, name => environment.FirstOrDefault(variable => variable.Name == name).Value).Configuration!.Broker
        : Configured.Valid(file, environment).Broker;
}
