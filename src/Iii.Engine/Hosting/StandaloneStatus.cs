namespace Iii.Engine.Hosting;

/// <summary>An instance without others.</summary>
internal sealed class StandaloneStatus(InstanceId instance) : IClusterStatus
{
    public string Instance => instance.Text;

    public string Digest => "0000000000000000";

    public bool IsConnected => true;

    public IReadOnlyList<(string Instance, string Status, string Digest)> Members { get; } = [(instance.Text, "alive", "0000000000000000")];
}
