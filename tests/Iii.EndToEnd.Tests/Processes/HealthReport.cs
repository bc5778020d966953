using System.Text.Json;

namespace Iii.EndToEnd.Tests.Processes;

/// <summary>What <c>/health/ready</c> of a worker port says.</summary>
internal sealed record HealthReport(string Status, string Instance, string Digest, IReadOnlyList<MemberReport> Members, bool IsConnected)
{
    public static HealthReport Read(string json)
    {
        var health = JsonElement.Parse(json);
        var cluster = health.GetProperty("cluster");
        return new HealthReport(
            Text(health, "status"),
            Text(health, "instance"),
            Text(cluster, "digest"),
            [.. cluster.GetProperty("members").EnumerateArray().Select(static member =>
                new MemberReport(Text(member, "instance"), Text(member, "status"), Text(member, "digest")))],
            health.GetProperty("broker").GetProperty("connected").GetBoolean());
    }

    public override string ToString() => $"{Instance} {Status} {Digest} sees {string.Join(", ", Members)}";

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;
}

/// <summary>One instance as another sees it.</summary>
internal sealed record MemberReport(string Instance, string Status, string Digest)
{
    public override string ToString() => $"{Instance} {Status} {Digest}";
}
