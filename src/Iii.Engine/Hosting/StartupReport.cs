using System.Globalization;
using System.Text;
using Iii.Engine.Configuration;

namespace Iii.Engine.Hosting;

/// <summary>The block that a start prints: what runs, on what, within which limits, and where.</summary>
internal static class StartupReport
{
    /// <summary>Writes the block; its last line says that the engine is ready.</summary>
    public static string Write(
        string version, EngineConfiguration configuration, string? queueAdapter, string instance, IEnumerable<ListenerAddress> listeners)
    {
        var text = new StringBuilder();
        var gateway = configuration.Gateway;
        Line(text, $"iii {version}  (configuration: {configuration.Source})");
        Line(text, "  modules");
        Line(text, $"    workers    messages up to {Size(gateway.MaxMessageBytes)}, queue {Size(gateway.OutboundQueueBytes)} per worker, "
            + $"calls up to {Seconds(gateway.InvocationTimeoutMs)}");
        if (configuration.Http is { } http)
        {
            Line(text, $"    http       timeout {Seconds(http.DefaultTimeoutMs)}, {http.ConcurrencyRequestLimit} requests at a time, "
                + $"JSON bodies up to {Size(http.BodyLimitBytes)}");
        }

        if (configuration.Queue is { } queue && queueAdapter is not null)
        {
            Line(text, $"    queue      {queue.MaxAttempts} attempts, {queue.Concurrency} jobs at a time for each topic, queues {string.Join(", ", queue.AllQueues)}");
        }

        if (configuration.Queue?.BridgeUrl is { } bridgeUrl)
        {
            Line(text, $"    queue      the queues of the engine at {bridgeUrl}");
        }

        if (configuration.HttpFunctions is { } calls)
        {
            var hosts = calls.Security.UrlAllowlist is { Count: > 0 } list ? string.Join(", ", list) : "*";
            Line(text, $"    http functions  {(calls.Security.RequireHttps ? "https only" : "http and https")}, "
                + $"{(calls.Security.BlockPrivateIps ? "public addresses only" : "private addresses too")}, hosts {hosts}, "
                + $"responses up to {Size(calls.MaxResponseBytes)}");
        }

        foreach (var bridge in configuration.Bridges)
        {
            Line(text, $"    bridge     {bridge.Target}, exposes {bridge.Expose.Count} and forwards {bridge.Forward.Count} functions");
        }

        Line(text, "  adapters");
        Line(text, $"    broker     {Broker(configuration.Broker)}");
        if (queueAdapter is not null)
        {
            Line(text, $"    jobs       {queueAdapter}");
        }

        Line(text, $"    cluster    {configuration.Cluster.Name}, this instance is {instance}");
        Line(text, "  listeners");
        foreach (var (name, host, port) in listeners)
        {
            Line(text, $"    {name,-10} {(name == "workers" ? "ws" : "http")}://{host}:{port}");
        }

        text.Append("ready");
        return text.ToString();
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');

    private static string Broker(BrokerOptions broker)
    {
        var place = broker.Address is { } address ? $"{broker.Adapter} at {address}" : broker.Adapter;
        return broker.Adapter == BrokerOptions.MemoryAdapter ? $"{place}: one instance, nothing to connect to"
            : broker.Variable is { } variable ? $"{place} (from {variable})"
            : place;
    }

    private static string Size(long bytes) => bytes >= 1024 * 1024
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):0.##} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.##} KiB");

    private static string Seconds(int milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.###} s");
}
