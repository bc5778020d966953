namespace Iii.Engine.Configuration;

/// <summary>
/// Every module by every name it is known by. A module that gets built gets its <see cref="ModuleDescriptor.Binding"/> here.
/// </summary>
internal static class ModuleCatalog
{
    public static IReadOnlyList<ModuleDescriptor> All { get; } =
    [
        new(ModuleKind.Http, "modules::api::RestApiModule")
        {
            LaterName = "iii-http",
            Aliases = ["modules::rest_api::RestApiModule"],
            Binding = ModuleBinding.Options(
                ConfigurationJson.Default.HttpOptions, (configuration, options, _) => configuration with { Http = options }),
        },
        new(ModuleKind.Queue, "modules::queue::QueueModule")
        {
            LaterName = "iii-queue",
            Aliases = ["modules::event::EventModule"],
            TakesHostAdapters = true,
            Adapters =
            [
                new("builtin", "modules::queue::BuiltinQueueAdapter", "modules::queue::adapters::BuiltinQueueAdapter"),
                new(
                    "redis",
                    "modules::queue::RedisAdapter",
                    "modules::queue::adapters::RedisAdapter",
                    "modules::event::RedisAdapter"),
                new(
                    "rabbitmq",
                    "modules::queue::RabbitMQAdapter",
                    "modules::queue::adapters::RabbitMQAdapter",
                    "modules::event::RabbitMQAdapter"),
                new("masstransit", "modules::queue::MassTransitAdapter", "modules::queue::adapters::MassTransitAdapter"),
                new("bridge", "modules::queue::adapters::Bridge"),
            ],
            Binding = ModuleBinding.Options(
                ConfigurationJson.Default.QueueOptions,
                ConfigurationJson.Default.QueueAdapterOptions,
                (configuration, options, adapter, config) =>
                    configuration with { Queue = config?.ApplyTo(options, adapter.Name) ?? options },
                (configuration, options, adapter) => configuration with { Queue = options with { Adapter = adapter } }),
        },
        new(ModuleKind.PubSub, "modules::pubsub::PubSubModule")
        {
            LaterName = "iii-pubsub",
            Adapters =
            [
                new("local", "modules::pubsub::LocalAdapter", "modules::pubsub::adapters::LocalAdapter"),
                new("redis", "modules::pubsub::RedisAdapter", "modules::pubsub::adapters::RedisAdapter"),
            ],
        },
        new(ModuleKind.Cron, "modules::cron::CronModule")
        {
            LaterName = "iii-cron",
            Adapters =
            [
                new("kv", "modules::cron::KvCronAdapter", "modules::cron::adapters::KvCronAdapter"),
                new("redis", "modules::cron::RedisCronAdapter", "modules::cron::adapters::RedisCronAdapter"),
            ],
        },
        new(ModuleKind.State, "modules::state::StateModule")
        {
            LaterName = "iii-state",
            Adapters =
            [
                new("kv", "modules::state::adapters::KvStore"),
                new("redis", "modules::state::adapters::RedisAdapter"),
                new("bridge", "modules::state::adapters::Bridge"),
            ],
        },
        new(ModuleKind.Stream, "modules::stream::StreamModule")
        {
            LaterName = "iii-stream",
            Aliases = ["modules::streams::StreamModule"],
            Adapters =
            [
                new("kv", "modules::stream::adapters::KvStore", "modules::streams::adapters::KvStore"),
                new("redis", "modules::stream::adapters::RedisAdapter", "modules::streams::adapters::RedisAdapter"),
                new("bridge", "modules::stream::adapters::Bridge", "modules::streams::adapters::Bridge"),
            ],
        },
        new(ModuleKind.KvServer, "modules::kv_server::KvServer"),
        new(ModuleKind.WorkerManager, "modules::worker::WorkerModule")
        {
            LaterName = "iii-worker-manager",
            Binding = ModuleBinding.Options(
                ConfigurationJson.Default.WorkerGatewayOptions,
                (configuration, options, _) => configuration with { Gateway = options }),
        },

        // Accepted because files of the 0.8 era list it. Nothing of ours reports home.
        new(ModuleKind.Telemetry, "modules::telemetry::TelemetryModule") { Binding = ModuleBinding.Nothing },
        new(ModuleKind.Observability, "modules::observability::OtelModule")
        {
            LaterName = "iii-observability",
            Aliases = ["modules::observability::LoggingModule", "modules::observability::ObservabilityModule"],
        },
        new(ModuleKind.HttpFunctions, "modules::http_functions::HttpFunctionsModule")
        {
            LaterName = "iii-http-functions",
            Binding = ModuleBinding.Options(
                ConfigurationJson.Default.HttpFunctionsOptions,
                (configuration, options, _) => configuration with { HttpFunctions = options }),
        },
        new(ModuleKind.BridgeClient, "modules::bridge_client::BridgeClientModule")
        {
            MayRepeat = true,
            Binding = ModuleBinding.Options(
                ConfigurationJson.Default.BridgeOptions,
                (configuration, options, _) => configuration with { Bridges = [.. configuration.Bridges, options] }),
        },
        new(ModuleKind.Exec, "modules::shell::ExecModule") { LaterName = "iii-exec", MayRepeat = true },
    ];

    private static readonly Dictionary<string, ModuleDescriptor> ByName = All
        .SelectMany(module => module.AllNames.Select(name => (name, module)))
        .ToDictionary(entry => entry.name, entry => entry.module, StringComparer.Ordinal);

    public static ModuleDescriptor? Find(string name) => ByName.GetValueOrDefault(name);
}
