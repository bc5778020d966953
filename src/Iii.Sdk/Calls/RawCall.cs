namespace Iii.Sdk.Calls;

/// <summary>A call whose result nobody decodes.</summary>
internal sealed class RawCall(string functionId) : PendingAnswer<ReadOnlyMemory<byte>>(functionId)
{
    protected override ReadOnlyMemory<byte> Read(byte[] result) => result;
}
