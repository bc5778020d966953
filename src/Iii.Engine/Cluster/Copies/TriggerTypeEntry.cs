using Iii.Engine.Cluster.Wire;
using Iii.Engine.Triggers;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The catalog's entry about a trigger type that a worker provides.</summary>
internal sealed record TriggerTypeEntry(TriggerTypeDetails Details, TypeStamp Stamp)
{
    public byte[] Write()
    {
        var entry = new FrameBuilder(128);
        entry.AppendOptional(Details.Description);
        entry.AppendOptional(Details.TriggerRequestFormat);
        entry.AppendOptional(Details.CallRequestFormat);
        entry.AppendUInt64((ulong)Stamp.Counter);
        entry.AppendString(Stamp.WorkerId);
        return entry.ToArray();
    }

    public static TriggerTypeEntry Read(ReadOnlySpan<byte> bytes)
    {
        var entry = ClusterFrameReader.Of(bytes);
        return new TriggerTypeEntry(
            new TriggerTypeDetails(entry.ReadOptionalString() ?? string.Empty, entry.ReadOptionalBlob(), entry.ReadOptionalBlob()),
            new TypeStamp((long)entry.ReadUInt64(), entry.ReadString()));
    }
}
