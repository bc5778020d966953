using System.Text.Json.Serialization.Metadata;
using Iii.Engine.Configuration;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Tests.Configuration;

public sealed class OptionsBinderTests
{
    [Fact]
    public void Every_http_option_is_bound()
    {
        var http = Configured.Valid(Configured.Http(
            """

                  host: 127.0.0.1
                  port: 8080
                  default_timeout: 1
                  concurrency_request_limit: 2
                  concurrency_queue_limit: 0
                  body_limit: 4
                  trust_proxy: true
                  request_id_header: x-request-id
                  ignore_trailing_slash: True
                  not_found_function: pages::missing
                  error_format: envelope
                  cors: { allowed_origins: [https://a.example], allowed_methods: [GET], max_age: 3 }
            """)).Http!;

        Assert.Equal(["https://a.example"], http.Cors!.AllowedOrigins);
        Assert.Equal(["GET"], http.Cors.AllowedMethods);
        Assert.Equal(
            new HttpOptions
            {
                Host = "127.0.0.1",
                Port = 8080,
                DefaultTimeoutMs = 1,
                ConcurrencyRequestLimit = 2,
                ConcurrencyQueueLimit = 0,
                BodyLimitBytes = 4,
                TrustProxy = true,
                RequestIdHeader = "x-request-id",
                IgnoreTrailingSlash = true,
                NotFoundFunction = "pages::missing",
                ErrorFormat = HttpErrorFormat.Envelope,
            },
            http with { Cors = null });
    }

    [Fact]
    public void Every_gateway_option_is_bound()
    {
        var gateway = Configured.Valid(Configured.Worker(
            " { host: h, port: 1, max_message_bytes: 2, ping_interval_ms: 3, ping_timeout_ms: 4, outbound_queue_bytes: 5000000000, "
            + "outbound_queue_messages: 6, invocation_timeout_ms: 7, max_registrations: 8, drain_timeout_ms: 0 }")).Gateway;

        Assert.Equal(
            new Iii.Engine.Gateways.WorkerGatewayOptions
            {
                Host = "h",
                Port = 1,
                MaxMessageBytes = 2,
                PingIntervalMs = 3,
                PingTimeoutMs = 4,
                OutboundQueueBytes = 5_000_000_000,
                OutboundQueueMessages = 6,
                InvocationTimeoutMs = 7,
                MaxRegistrations = 8,
                DrainTimeoutMs = 0,
            },
            gateway);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ~")]
    [InlineData(" {}")]
    public void What_is_not_given_has_its_default(string config)
    {
        Assert.Equal(new HttpOptions(), Configured.Valid(Configured.Http(config)).Http);
    }

    [Fact]
    public void A_cors_block_that_gives_nothing_has_empty_lists()
    {
        var cors = Configured.Valid(Configured.Http(" { cors: {} }")).Http!.Cors!;

        Assert.Empty(cors.AllowedOrigins);
        Assert.Empty(cors.AllowedMethods);
    }

    [Theory]
    [InlineData("host: 127", "127")]
    [InlineData("host: 1.50", "1.50")]
    [InlineData("host: true", "true")]
    [InlineData("host: \"~\"", "~")]
    [InlineData("host: !!str 5", "5")]
    public void A_text_option_takes_any_single_value_as_written(string config, string host)
    {
        Assert.Equal(host, Configured.Valid(Configured.Http($" {{ {config} }}")).Http!.Host);
    }

    [Fact]
    public void A_number_in_quotes_is_a_number()
    {
        Assert.Equal(8080, Configured.Valid(Configured.Http(" { port: \"8080\" }")).Http!.Port);
        Assert.True(Configured.Valid(Configured.Http(" { trust_proxy: 'true' }")).Http!.TrustProxy);
    }

    [Theory]
    [InlineData("port: x", "13 modules[0].config.port: expected a whole number, got the text 'x'")]
    [InlineData("port: \"x\"", "13 modules[0].config.port: expected a whole number, got the text 'x'")]
    [InlineData("port: 1.5", "13 modules[0].config.port: expected a whole number, got 1.5")]
    [InlineData("port: 1_000", "13 modules[0].config.port: expected a whole number, got the text '1_000'")]
    [InlineData("port: true", "13 modules[0].config.port: expected a whole number, got true")]
    [InlineData("port: [1]", "13 modules[0].config.port: expected a whole number, got a list")]
    [InlineData("port: {a: 1}", "13 modules[0].config.port: expected a whole number, got a mapping")]
    [InlineData("port: ~", "13 modules[0].config.port: expected a whole number, got no value; write one or remove the key")]
    [InlineData("port: 99999999999", "13 modules[0].config.port: 99999999999 is out of range; write a number from -2147483648 to 2147483647")]
    [InlineData("port: 65536", "13 modules[0].config.port: 65536 is out of range; write a number from 0 to 65535")]
    [InlineData("port: -1", "13 modules[0].config.port: -1 is out of range; write a number from 0 to 65535")]
    [InlineData("host: [a]", "13 modules[0].config.host: expected text, got a list")]
    [InlineData("host: ~", "13 modules[0].config.host: expected text, got no value; write one or remove the key")]
    [InlineData("host: http://x", "13 modules[0].config.host: 'http://x' is not an address to listen on")]
    [InlineData("trust_proxy: yes", "20 modules[0].config.trust_proxy: expected true or false, got the text 'yes'")]
    [InlineData("trust_proxy: 1", "20 modules[0].config.trust_proxy: expected true or false, got 1")]
    [InlineData("error_format: Flat", "21 modules[0].config.error_format: expected one of 'flat', 'envelope', got the text 'Flat'; did you mean 'flat'?")]
    [InlineData("cors: true", "13 modules[0].config.cors: expected a mapping, got true")]
    [InlineData("cors: {allowed_origins: x}", "31 modules[0].config.cors.allowed_origins: expected a list, such as [a, b], got the text 'x'")]
    [InlineData("cors: {allowed_origins: }", "31 modules[0].config.cors.allowed_origins: expected a list, got no value; write one or remove the key")]
    [InlineData("cors: {allowed_origins: [a, [b]]}", "35 modules[0].config.cors.allowed_origins[1]: expected text, got a list")]
    [InlineData("cors: {allowed_origins: [a, ~]}", "35 modules[0].config.cors.allowed_origins[1]: expected text, got no value")]
    [InlineData("cors: {allowed_origins: [a, https://b/]}", "35 modules[0].config.cors.allowed_origins[1]: 'https://b/' matches no origin")]
    [InlineData("cors: {allowed_methods: ['']}", "32 modules[0].config.cors.allowed_methods[0]: '' is not an HTTP method")]
    [InlineData("default_timeout: 0", "24 modules[0].config.default_timeout: 0 is out of range; write 1 or more")]
    [InlineData("concurrency_request_limit: 0", "34 modules[0].config.concurrency_request_limit: 0 is out of range; write 1 or more")]
    [InlineData("concurrency_queue_limit: -1", "32 modules[0].config.concurrency_queue_limit: -1 is out of range; write 0 or more")]
    [InlineData("body_limit: 0", "19 modules[0].config.body_limit: 0 is out of range; write 1 or more")]
    [InlineData("request_id_header: a b", "26 modules[0].config.request_id_header: 'a b' is not the name of a header")]
    [InlineData("not_found_function: ''", "27 modules[0].config.not_found_function: the id of a function cannot be empty")]
    [InlineData("filters: []", "7 modules[0].config: unknown key 'filters'. Known keys: host, port, ")]
    [InlineData("Port: 1", "7 modules[0].config: unknown key 'Port'; did you mean 'port'? Known keys: ")]
    [InlineData("adapter: {}", "7 modules[0].config: unknown key 'adapter'. Known keys: ")]
    public void A_wrong_http_option_is_reported_at_its_place(string config, string expected)
    {
        Assert.StartsWith($"4:{expected}", Assert.Single(Configured.Errors(Configured.Http($"\n      {config}"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("max_message_bytes: 0")]
    [InlineData("ping_interval_ms: 0")]
    [InlineData("ping_timeout_ms: 19999")]
    [InlineData("outbound_queue_bytes: 0")]
    [InlineData("outbound_queue_messages: 0")]
    [InlineData("invocation_timeout_ms: 0")]
    [InlineData("max_registrations: 0")]
    [InlineData("drain_timeout_ms: -1")]
    [InlineData("port: 65536")]
    [InlineData("host: ''")]
    public void A_gateway_option_out_of_range_is_reported_with_its_path(string config)
    {
        var error = Assert.Single(Configured.Errors(Configured.Worker($"\n      {config}")));

        Assert.StartsWith($"4:{config.IndexOf(':', StringComparison.Ordinal) + 9} modules[0].config.{config.Split(':')[0]}: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_types_and_wrong_ranges_are_reported_together()
    {
        var errors = Configured.Errors(
            "modules:\n  - class: modules::api::RestApiModule\n    config: { port: x, body_limit: 0 }\n"
            + "  - class: modules::worker::WorkerModule\n    config: { prot: 1, host: '' }\nx: 1\n");

        Assert.Equal(["3:21", "3:36", "5:15", "5:30", "6:1"], errors.Select(error => error[..error.IndexOf(' ', StringComparison.Ordinal)]));
    }

    [Fact]
    public void Cors_tolerates_unknown_keys_but_warns_of_a_slip()
    {
        var result = Configured.Load(Configured.Http(" { cors: { allow_credentials: true, allowed_origin: [x] } }"));

        Assert.True(result.IsValid);
        var warning = Assert.Single(result.Warnings).ToString();
        Assert.StartsWith("config.yaml:3:48: modules[0].config.cors: unknown key 'allowed_origin'; did you mean 'allowed_origins'?", warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(" 5", "expected a mapping, got 5")]
    [InlineData(" [a]", "expected a mapping, got a list")]
    public void A_config_is_a_mapping(string config, string expected)
    {
        Assert.Equal($"modules[0].config: {expected}", Configured.Error(Configured.Http(config)).Message);
    }

    [Fact]
    public void The_password_of_a_url_is_not_shown()
    {
        var error = Configured.Error(Configured.Http("\n      port: redis://user:se@cret@host/1"));

        Assert.DoesNotContain("cret", error.Render(), StringComparison.Ordinal);
        Assert.Contains("@host/1", error.Render(), StringComparison.Ordinal);
        Assert.DoesNotContain("cret", Configured.Error(Configured.Http(" { port: \"${U}\" }"), ("U", "redis://:secret@host")).Render(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_options_record_can_be_bound()
    {
        Assert.All([ConfigurationJson.Default.HttpOptions, ConfigurationJson.Default.WorkerGatewayOptions], (JsonTypeInfo type) => CheckBindable(type));
    }

    private static void CheckBindable(JsonTypeInfo type)
    {
        Assert.IsType(type.Type, ConfigurationJson.CreateDefault(type.Type));
        foreach (var property in type.Properties)
        {
            Assert.NotNull(property.Get);
            var inner = type.Options.GetTypeInfo(property.PropertyType);
            var element = inner.ElementType is { } elementType ? type.Options.GetTypeInfo(elementType) : inner;
            if (element.Kind == JsonTypeInfoKind.Object)
            {
                CheckBindable(element);
            }
        }
    }
}
