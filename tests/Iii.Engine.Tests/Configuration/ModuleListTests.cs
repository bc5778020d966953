using Iii.Engine.Configuration;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;

namespace Iii.Engine.Tests.Configuration;

public sealed class ModuleListTests
{
    public static TheoryData<string, string> AliasedClasses => new()
    {
        { "modules::rest_api::RestApiModule", nameof(ModuleKind.Http) },
        { "modules::event::EventModule", nameof(ModuleKind.Queue) },
        { "modules::streams::StreamModule", nameof(ModuleKind.Stream) },
        { "modules::observability::LoggingModule", nameof(ModuleKind.Observability) },
        { "modules::observability::ObservabilityModule", nameof(ModuleKind.Observability) },
        { "modules::kv_server::KvServer", nameof(ModuleKind.KvServer) },
        { "modules::bridge_client::BridgeClientModule", nameof(ModuleKind.BridgeClient) },
        { "modules::shell::ExecModule", nameof(ModuleKind.Exec) },
        { "iii-http", nameof(ModuleKind.Http) },
        { "queue", nameof(ModuleKind.Queue) },
        { "iii-state", nameof(ModuleKind.State) },
        { "stream", nameof(ModuleKind.Stream) },
        { "iii-pubsub", nameof(ModuleKind.PubSub) },
        { "cron", nameof(ModuleKind.Cron) },
        { "iii-observability", nameof(ModuleKind.Observability) },
        { "http-functions", nameof(ModuleKind.HttpFunctions) },
        { "iii-exec", nameof(ModuleKind.Exec) },
        { "worker-manager", nameof(ModuleKind.WorkerManager) },
    };

    [Theory]
    [MemberData(nameof(AliasedClasses))]
    public void A_module_is_known_by_all_its_names(string name, string kind)
    {
        Assert.Equal(kind, ModuleCatalog.Find(name)!.Kind.ToString());
    }

    [Fact]
    public void The_catalogue_has_every_kind_once()
    {
        Assert.Equal(Enum.GetValues<ModuleKind>().Order(), ModuleCatalog.All.Select(module => module.Kind).Order());
    }

    [Fact]
    public void Built_are_these_modules()
    {
        Assert.Equal(
            [ModuleKind.Http, ModuleKind.Queue, ModuleKind.WorkerManager, ModuleKind.Telemetry, ModuleKind.HttpFunctions, ModuleKind.BridgeClient],
            ModuleCatalog.All.Where(module => module.IsBuilt).Select(module => module.Kind));
    }

    [Fact]
    public void An_adapter_has_one_owner_for_each_of_its_names()
    {
        Assert.All(ModuleCatalog.All, module => Assert.Distinct(module.Adapters.SelectMany(adapter => adapter.AllNames)));
    }

    [Fact]
    public void A_list_is_exactly_what_runs_and_the_worker_manager()
    {
        Assert.Null(Configured.Valid("modules: []").Http);
        Assert.Null(Configured.Valid("modules:\n").Http);
        Assert.Null(Configured.Valid("port: 1").Http);
        Assert.Equal(new WorkerGatewayOptions(), Configured.Valid("modules: []").Gateway);
    }

    [Theory]
    [InlineData("modules: [{class: modules::api::RestApiModule, config: {port: 7}}]")]
    [InlineData("modules: [{class: modules::rest_api::RestApiModule, config: {port: 7}}]")]
    [InlineData("workers: [{name: iii-http, config: {port: 7}}]")]
    [InlineData("workers: [{name: http, config: {port: 7}}]")]
    [InlineData("modules: [{class: modules::worker::WorkerModule}]\nworkers: [{name: http, config: {port: 7}}]")]
    public void Both_lists_and_all_names_configure_the_same_module(string text)
    {
        Assert.Equal(7, Configured.Valid(text).Http!.Port);
    }

    [Fact]
    public void Telemetry_is_accepted_with_anything()
    {
        Configured.Valid("modules: [{class: modules::telemetry::TelemetryModule, config: {enabled: true, api_key: x, [1]: 2}}]"
            .Replace(", [1]: 2", "", StringComparison.Ordinal));
        Configured.Valid("modules: [{class: modules::telemetry::TelemetryModule, config: text}]");
    }

    [Fact]
    public void A_module_that_is_not_built_is_an_error_that_says_so()
    {
        var error = Assert.Single(Configured.Errors("port: 1\n\nmodules:\n  - class: modules::cron::CronModule\n    config: {}\n"));

        Assert.Equal(
            "4:12 modules[0]: modules::cron::CronModule (line 4) is known but this version does not include it yet; remove the entry. "
            + "Built: modules::api::RestApiModule, modules::queue::QueueModule, modules::worker::WorkerModule, modules::telemetry::TelemetryModule, modules::http_functions::HttpFunctionsModule, "
            + "modules::bridge_client::BridgeClientModule.",
            error);
    }

    [Fact]
    public void An_unknown_module_is_an_error_that_lists_the_known()
    {
        var error = Configured.Error("modules: [{class: modules::api::RestApiModul}]").Message;

        Assert.StartsWith(
            "modules[0].class: unknown module 'modules::api::RestApiModul'; did you mean 'modules::api::RestApiModule'? Known modules: modules::api::",
            error,
            StringComparison.Ordinal);
        Assert.Contains("modules::shell::ExecModule", error, StringComparison.Ordinal);
        Assert.Contains("; did you mean 'iii-queue'? Known modules: iii-http, ", Configured.Error("workers: [{name: iii-qeue}]").Message, StringComparison.Ordinal);
        Assert.Contains("'x'. Known", Configured.Error("workers: [{name: x}]").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_listed_twice_is_an_error_that_names_both_lines()
    {
        var error = Assert.Single(Configured.Errors(
            "modules:\n  - class: modules::api::RestApiModule\n  - class: modules::telemetry::TelemetryModule\nworkers:\n  - name: iii-http\n"));

        Assert.StartsWith("5:11 workers[0]: modules::api::RestApiModule can be listed only once, but it is in line 2 and in line 5", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_may_repeat_is_not_reported_as_repeated()
    {
        var errors = Configured.Errors("modules: [{class: modules::shell::ExecModule}, {class: modules::shell::ExecModule}]");

        Assert.All(errors, error => Assert.Contains("does not include it yet", error, StringComparison.Ordinal));
        Assert.Equal(2, errors.Length);
    }

    [Theory]
    [InlineData("modules: [{config: {}}]", "1:11 modules[0]: no 'class', which says what module this is")]
    [InlineData("workers: [{}]", "1:11 workers[0]: no 'name', which says what module this is")]
    [InlineData("modules: [modules::api::RestApiModule]", "1:11 modules[0]: expected a mapping with 'class' and 'config', got the text 'modules::api")]
    [InlineData("modules: {}", "1:10 modules: expected a list of entries '- class: ...', got a mapping")]
    [InlineData("workers: 5", "1:10 workers: expected a list of entries '- name: ...', got 5")]
    [InlineData("modules: [{class: }]", "1:19 modules[0].class: expected a name, got no value")]
    [InlineData("modules: [{class: [a]}]", "1:19 modules[0].class: expected a name, got a list")]
    [InlineData("modules: [{class: iii-http, enabled: true}]", "1:29 modules[0]: unknown key 'enabled'. Known keys: class, config.")]
    [InlineData("modules: [{class: iii-http, confg: {}}]", "1:29 modules[0]: unknown key 'confg'; did you mean 'config'? Known keys: class, config.")]
    [InlineData("workers: [{name: iii-http, class: x}]", "1:28 workers[0]: unknown key 'class'. Known keys: name, config.")]
    public void An_entry_of_the_wrong_shape_is_an_error(string text, string expected)
    {
        Assert.StartsWith(expected, Assert.Single(Configured.Errors(text)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("modules::queue::RedisAdapter", "redis")]
    [InlineData("modules::queue::adapters::RedisAdapter", "redis")]
    [InlineData("modules::event::RedisAdapter", "redis")]
    [InlineData("modules::queue::RabbitMQAdapter", "rabbitmq")]
    [InlineData("modules::queue::BuiltinQueueAdapter", "builtin")]
    [InlineData("rabbitmq", "rabbitmq")]
    public void An_adapter_is_known_by_all_its_names(string name, string adapter)
    {
        foreach (var key in new[] { "class", "name" })
        {
            var choice = ReadAdapter($"modules: [{{class: modules::queue::QueueModule, config: {{adapter: {{{key}: {name}, config: {{anything: [1]}}}}}}}}]");

            Assert.Equal(adapter, choice.Adapter.Name);
            Assert.True(choice.Config!.TryGet("anything", out _));
        }
    }

    [Theory]
    [InlineData("iii-queue", "builtin")]
    [InlineData("iii-pubsub", "local")]
    [InlineData("iii-cron", "kv")]
    [InlineData("iii-state", "kv")]
    [InlineData("iii-stream", "kv")]
    public void Without_an_adapter_the_default_is_chosen(string module, string adapter)
    {
        Assert.Equal(adapter, ReadAdapter($"workers: [{{name: {module}}}]").Adapter.Name);
    }

    [Fact]
    public void An_unknown_adapter_is_an_error_that_lists_those_of_the_module()
    {
        var errors = Configured.Errors("workers: [{name: iii-pubsub, config: {adapter: {name: reddis}}}]");

        Assert.Contains(
            "1:55 workers[0].config.adapter: modules::pubsub::PubSubModule has no adapter 'reddis'; did you mean 'redis'? "
            + "Its adapters: modules::pubsub::LocalAdapter (local), modules::pubsub::RedisAdapter (redis).",
            errors);
    }

    [Theory]
    [InlineData("name: shelf")]
    [InlineData("class: shelf")]
    public void An_adapter_of_the_host_is_known_by_its_name_and_gets_its_settings_as_text(string name)
    {
        var options = LoadWithShelf($"{{{name}, config: {{url: 'shelf://a', connect_timeout_ms: 7, depth: 3}}}}").Configuration!.Queue!.Adapter!;

        Assert.Equal(("shelf", "shelf://a", 7), (options.Adapter, options.Url, options.ConnectTimeoutMs));
        Assert.Equal([new("depth", "3")], options.Settings);
        Assert.Equal("modules[0].config.adapter.config", options.Section);
        Assert.Empty(LoadWithShelf($"{{{name}}}").Configuration!.Queue!.Adapter!.Settings);
    }

    [Theory]
    [InlineData("{name: shelv}", "no adapter 'shelv'; did you mean 'shelf'? Its adapters: modules::queue::BuiltinQueueAdapter (builtin), ")]
    [InlineData("{name: cupboard}", "modules::queue::adapters::Bridge (bridge), shelf.")]
    [InlineData("{name: shelf, config: {depth: [1]}}", "modules[0].config.adapter.config.depth: expected a single value, got a list")]
    [InlineData("{name: shelf, config: {adapter: redis}}", "adapter.config.adapter: the adapter is named beside 'config' already")]
    public void An_adapter_of_the_host_that_is_configured_wrongly_is_an_error(string adapter, string expected) =>
        Assert.Contains(expected, Assert.Single(LoadWithShelf(adapter).Errors).Message, StringComparison.Ordinal);

    [Fact]
    public void A_module_that_cannot_stand_on_adapters_of_the_host_does_not_know_them()
    {
        var errors = ConfigurationLoader.LoadText(
            "f", "workers: [{name: iii-pubsub, config: {adapter: {name: shelf}}}]", _ => null, [new Shelf()]).Errors;

        Assert.Contains(errors, error => error.Message.Contains("has no adapter 'shelf'", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{config: {}}", "no 'class', which says what adapter this is")]
    [InlineData("{class: redis, name: redis}", "'class' and 'name' both say which adapter this is")]
    [InlineData("{class: redis, url: x}", "unknown key 'url'. Known keys: class, name, config.")]
    [InlineData("{class: redis, config: x}", "config.adapter.config: expected a mapping, got the text 'x'")]
    [InlineData("redis", "expected a mapping with 'class' and 'config', got the text 'redis'")]
    public void An_adapter_of_the_wrong_shape_is_an_error(string adapter, string expected)
    {
        var errors = Configured.Errors($"modules: [{{class: modules::queue::QueueModule, config: {{adapter: {adapter}}}}}]");

        Assert.Contains(expected, Assert.Single(errors), StringComparison.Ordinal);
    }

    private static ConfigurationResult LoadWithShelf(string adapter) => ConfigurationLoader.LoadText(
        "config.yaml", $"modules: [{{class: modules::queue::QueueModule, config: {{adapter: {adapter}}}}}]", _ => null, [new Shelf()]);

    private static AdapterChoice ReadAdapter(string text)
    {
        var errors = new ErrorLog(new SourceText("config.yaml", text));
        var tree = (MappingNode)YamlTree.Read(VariableExpansion.Expand(errors.Source, _ => null, errors)!, errors)!;
        var list = new ModuleList(errors, []);
        if (tree.TryGet("modules", out var modules))
        {
            list.ReadModules(modules);
        }
        else if (tree.TryGet("workers", out var workers))
        {
            list.ReadWorkers(workers);
        }

        return list.Entries[0].Adapter!;
    }

    private sealed class Shelf : IBrokerAdapter
    {
        public string Name => "shelf";

        public ValueTask<BrokerSeams> ConnectAsync(BrokerOptions options, BrokerEnvironment environment, CancellationToken cancellationToken) =>
            throw new NotSupportedException("These tests connect to nothing.");
    }
}
