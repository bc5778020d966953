using System.Text.Encodings.Web;
using System.Text.Json;

namespace Iii.Engine.Discovery;

/// <summary>A function id and all that provide it. The set of providers is an immutable array that is swapped.</summary>
internal sealed class FunctionPool
{
    private readonly JsonEncodedText _encodedId;
    private readonly byte[] _idJson;
    private ProviderSet _providers = ProviderSet.Empty;

    public FunctionPool(string id)
    {
        Id = id;
        _encodedId = JsonEncodedText.Encode(id, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        _idJson = [(byte)'"', .. _encodedId.EncodedUtf8Bytes, (byte)'"'];
    }

    public string Id { get; }

    /// <summary>The id as JSON string.</summary>
    public ReadOnlySpan<byte> IdJson => _idJson;

    /// <summary>All that provide it; empty when the last one has left.</summary>
    public ProviderSet Providers => Volatile.Read(ref _providers);

    /// <summary>Swaps the set; only the directory, under its lock, calls this.</summary>
    internal void Replace(ProviderSet providers) => Volatile.Write(ref _providers, providers);
}
