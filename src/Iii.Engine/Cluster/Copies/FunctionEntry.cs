using Iii.Engine.Cluster.Wire;
using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Cluster.Copies;

/// <summary>The catalog's entry about a function of one worker.</summary>
internal static class FunctionEntry
{
    public static byte[] Write(FunctionDetails details)
    {
        var entry = new FrameBuilder(128);
        entry.AppendOptional(details.Description);
        entry.AppendOptional(details.RequestFormat);
        entry.AppendOptional(details.ResponseFormat);
        entry.AppendOptional(details.Metadata);
        entry.AppendOptional(details.RegistrationError);
        return entry.ToArray();
    }

    public static FunctionDetails Read(ReadOnlySpan<byte> bytes)
    {
        var entry = ClusterFrameReader.Of(bytes);
        return new FunctionDetails(
            entry.ReadOptionalString(),
            entry.ReadOptionalBlob(),
            entry.ReadOptionalBlob(),
            entry.ReadOptionalBlob(),
            entry.ReadOptionalBlob());
    }
}
