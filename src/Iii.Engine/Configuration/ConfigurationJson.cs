using System.Text.Json.Serialization;
using Iii.Engine.Gateways;
using Iii.Engine.Modules.Http;

namespace Iii.Engine.Configuration;

/// <summary>The JSON metadata of all options, and their defaults. A record of options is named in both places.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(WorkerGatewayOptions))]
[JsonSerializable(typeof(HttpOptions))]
internal sealed partial class ConfigurationJson : JsonSerializerContext
{
    // The metadata of a record with init-only properties cannot make an instance that has its defaults.
    public static object CreateDefault(Type type) =>
        type == typeof(WorkerGatewayOptions) ? new WorkerGatewayOptions()
        : type == typeof(HttpOptions) ? new HttpOptions()
        : type == typeof(HttpCorsOptions) ? new HttpCorsOptions()
        : type == typeof(HttpMiddlewareOptions) ? new HttpMiddlewareOptions()
        : throw new NotSupportedException($"Name {type} in {nameof(ConfigurationJson)}.{nameof(CreateDefault)}.");
}
