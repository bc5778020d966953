using Iii.Engine.Cluster.Wire;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The catalog's entry about one registration of a trigger.</summary>
internal sealed record TriggerEntry(string Type, string FunctionId, byte[] Config, byte[]? Metadata)
{
    public byte[] Write()
    {
        var entry = new FrameBuilder(128 + Config.Length);
        entry.AppendString(Type);
        entry.AppendString(FunctionId);
        entry.AppendBlob(Config);
        entry.AppendOptional(Metadata);
        return entry.ToArray();
    }

    public static TriggerEntry Read(ReadOnlySpan<byte> bytes)
    {
        var entry = ClusterFrameReader.Of(bytes);
        return new TriggerEntry(entry.ReadString(), entry.ReadString(), entry.ReadBlob().ToArray(), entry.ReadOptionalBlob());
    }
}
