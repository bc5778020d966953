using System.Text.Json.Serialization;
using Iii.Engine.Cluster;
using Iii.Engine.Gateways;
using Iii.Engine.Hosting;
using Iii.Engine.Modules.Bridge;
using Iii.Engine.Modules.Http;
using Iii.Engine.Modules.HttpFunctions;
using Iii.Engine.Modules.Queue;

namespace Iii.Engine.Configuration;

/// <summary>The JSON metadata of all options, and their defaults. A record of options is named in both places.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(WorkerGatewayOptions))]
[JsonSerializable(typeof(BrokerOptions))]
[JsonSerializable(typeof(ClusterOptions))]
[JsonSerializable(typeof(HttpOptions))]
[JsonSerializable(typeof(HttpFunctionsOptions))]
[JsonSerializable(typeof(BridgeOptions))]
[JsonSerializable(typeof(QueueOptions))]
[JsonSerializable(typeof(QueueAdapterOptions))]
internal sealed partial class ConfigurationJson : JsonSerializerContext
{
    // The metadata of a record with init-only properties cannot make an instance that has its defaults.
    public static object CreateDefault(Type type) =>
        type == typeof(WorkerGatewayOptions) ? new WorkerGatewayOptions()
        : type == typeof(BrokerOptions) ? new BrokerOptions()
        : type == typeof(ClusterOptions) ? new ClusterOptions()
        : type == typeof(HttpOptions) ? new HttpOptions()
        : type == typeof(HttpCorsOptions) ? new HttpCorsOptions()
        : type == typeof(HttpFunctionsOptions) ? new HttpFunctionsOptions()
        : type == typeof(HttpFunctionsSecurityOptions) ? new HttpFunctionsSecurityOptions()
        : type == typeof(BridgeOptions) ? new BridgeOptions()
        : type == typeof(BridgeExposeOptions) ? new BridgeExposeOptions()
        : type == typeof(BridgeForwardOptions) ? new BridgeForwardOptions()
        : type == typeof(HttpMiddlewareOptions) ? new HttpMiddlewareOptions()
        : type == typeof(QueueOptions) ? new QueueOptions()
        : type == typeof(QueueAdapterOptions) ? new QueueAdapterOptions()
        : type == typeof(NamedQueueOptions) ? new NamedQueueOptions()
        : throw new NotSupportedException($"Name {type} in {nameof(ConfigurationJson)}.{nameof(CreateDefault)}.");
}
