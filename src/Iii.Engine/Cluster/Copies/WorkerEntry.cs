using Iii.Engine.Cluster.Wire;
using Iii.Engine.Gateways;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The catalog's entry about a worker.</summary>
internal sealed record WorkerEntry(WorkerMetadata Metadata, string? RemoteAddress, long ConnectedAtMs)
{
    public byte[] Write()
    {
        var entry = new FrameBuilder(256);
        entry.AppendOptional(RemoteAddress);
        entry.AppendUInt64((ulong)ConnectedAtMs);
        entry.AppendOptional(Metadata.Name);
        entry.AppendOptional(Metadata.Runtime);
        entry.AppendOptional(Metadata.Version);
        entry.AppendOptional(Metadata.Os);
        entry.AppendOptional(Metadata.Description);
        entry.AppendOptional(Metadata.Isolation);
        entry.AppendByte(Metadata.Pid is null ? (byte)0 : (byte)1);
        entry.AppendUInt64((ulong)(Metadata.Pid ?? 0));
        entry.AppendOptional(Metadata.Telemetry);
        return entry.ToArray();
    }

    public static WorkerEntry Read(ReadOnlySpan<byte> bytes)
    {
        var entry = ClusterFrameReader.Of(bytes);
        var remoteAddress = entry.ReadOptionalString();
        var connectedAt = (long)entry.ReadUInt64();
        var metadata = new WorkerMetadata
        {
            Name = entry.ReadOptionalString(),
            Runtime = entry.ReadOptionalString(),
            Version = entry.ReadOptionalString(),
            Os = entry.ReadOptionalString(),
            Description = entry.ReadOptionalString(),
            Isolation = entry.ReadOptionalString(),
        };
        var hasPid = entry.ReadByte() != 0;
        var pid = (long)entry.ReadUInt64();
        return new WorkerEntry(
            metadata with { Pid = hasPid ? pid : null, Telemetry = entry.ReadOptionalBlob() }, remoteAddress, connectedAt);
    }
}
