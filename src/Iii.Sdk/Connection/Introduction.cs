using System.Runtime.InteropServices;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Connection;

/// <summary>What a worker says about itself, last in every replay (protocol §5.1).</summary>
internal static class Introduction
{
    /// <summary>The version of this package, as reported to the engine.</summary>
    public static string Version { get; } = typeof(Introduction).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static byte[] Write(IiiWorkerOptions options)
    {
        using var message = MessageWriter.Rent();
        Messages.CallHead(message, default, "engine::workers::register");
        message.Append("{\"runtime\":\"dotnet\",\"version\":"u8);
        message.AppendText(Version);
        message.Member(",\"name\":"u8, options.Name ?? $"{Environment.MachineName}:{Environment.ProcessId}");
        message.Member(",\"description\":"u8, options.Description);
        message.Member(",\"os\":"u8, $"{RuntimeInformation.OSDescription} ({RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()})");
        message.Append(",\"pid\":"u8);
        message.Append(Environment.ProcessId);
        message.Append(",\"isolation\":null},\"action\":{\"type\":\"void\"}}"u8);
        return message.Span.ToArray();
    }
}
