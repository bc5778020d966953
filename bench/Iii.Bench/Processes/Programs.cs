using Iii.Bench.Machine;
using Iii.Bench.Workers;

namespace Iii.Bench.Processes;

/// <summary>The programs that take part in a measurement, and how each is started.</summary>
internal static class Programs
{
    // The clients must not take the collector that is meant for servers.
    private static readonly Dictionary<string, string> ClientVariables = new() { ["DOTNET_gcServer"] = "0" };

    private static string Self => Environment.ProcessPath!;

    public static Launch Relay(int httpPort, int workerPort, AllocationProbe probe) =>
        new("relay", Self, "relay", "--http-port", $"{httpPort}", "--worker-port", $"{workerPort}", "--until-input-ends")
        {
            Environment = probe.Environment,
        };

    public static Launch Engine(string binary, string configFile, AllocationProbe? probe) =>
        new("engine", binary, "--config", configFile)
        {
            Environment = probe?.Environment ?? new Dictionary<string, string>(),
        };

    public static Launch NodeWorker(string script, Uri url) => new("node-worker", "node", script, url.ToString());

    public static Launch TunedWorker(Uri url, RouteSet routes) =>
        new("tuned-worker", Self, "worker", "--url", url.ToString(), "--routes", $"{routes.Count}", "--until-input-ends")
        {
            Environment = ClientVariables,
        };

    public static Launch SdkWorker(Uri url, bool runsInline) =>
        new("sdk-worker", Self, "sdk-worker", "--url", url.ToString(), "--inline", runsInline ? "true" : "false", "--until-input-ends")
        {
            Environment = ClientVariables,
        };

    public static Launch SdkCaller(Uri url) =>
        new("sdk-caller", Self, "sdk-caller", "--url", url.ToString()) { Environment = ClientVariables };

    public static Launch Caller(Uri url) =>
        new("caller", Self, "caller", "--url", url.ToString()) { Environment = ClientVariables };

    public static Launch BrokerPeer(string command, string side, string url) =>
        new(command, Self, command, side, "--url", url) { Environment = ClientVariables };
}
