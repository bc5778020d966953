namespace Iii.Bench.Processes;

/// <summary>The smallest configuration file that serves HTTP and workers on two given ports.</summary>
internal static class EngineConfig
{
    public static string Write(string folder, int httpPort, int workerPort, string more = "")
    {
        var file = Path.Combine(folder, $"config-{httpPort}.yaml");
        File.WriteAllText(file, $$"""
            port: {{workerPort}}
            modules:
              - class: modules::api::RestApiModule
                config: { port: {{httpPort}} }
            {{more}}
            """);
        return file;
    }
}
