using System.Text;

namespace Iii.Engine.Invocations;

/// <summary>A worker's id, unique over the whole cluster, with its bytes as JSON string.</summary>
internal sealed class WorkerIdentity
{
    private readonly byte[] _json;

    public WorkerIdentity(Guid id)
    {
        Guid = id;
        Id = id.ToString();
        _json = Encoding.ASCII.GetBytes($"\"{Id}\"");
    }

    public Guid Guid { get; }

    /// <summary>UUID in lower case with hyphens.</summary>
    public string Id { get; }

    /// <summary>The same as JSON string.</summary>
    public ReadOnlySpan<byte> Json => _json;

    public override string ToString() => Id;
}
