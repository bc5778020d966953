using System.Text.Encodings.Web;
using System.Text.Json;

namespace Iii.Engine.Discovery;

/// <summary>A function id and all that provide it. The set of providers is an immutable array that is swapped.</summary>
internal sealed class FunctionPool
{
    private readonly JsonEncodedText _encodedId;
    private readonly byte[] _idJson;
    private FunctionRegistration[] _registrations = [];

    public FunctionPool(string id)
    {
        Id = id;
        _encodedId = JsonEncodedText.Encode(id, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        _idJson = [(byte)'"', .. _encodedId.EncodedUtf8Bytes, (byte)'"'];
    }

    public string Id { get; }

    /// <summary>The id as JSON string.</summary>
    public ReadOnlySpan<byte> IdJson => _idJson;

    /// <summary>The providers, in order of registration; empty when the last one has left.</summary>
    public FunctionRegistration[] Registrations => Volatile.Read(ref _registrations);

    /// <summary>Swaps the set; only the directory, under its lock, calls this.</summary>
    internal void Replace(FunctionRegistration[] registrations) => Volatile.Write(ref _registrations, registrations);
}
