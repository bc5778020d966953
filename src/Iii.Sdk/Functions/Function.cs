using Iii.Sdk.Wire;

namespace Iii.Sdk.Functions;

/// <summary>A registered function: how its handler is called, and its result written.</summary>
internal abstract class Function
{
    protected Function(string id, bool runsInline)
    {
        Id = id;
        RunsInline = runsInline;
        using var json = MessageWriter.Rent();
        json.AppendText(id);
        IdJson = json.Span.ToArray();
    }

    public string Id { get; }

    public byte[] IdJson { get; }

    public bool RunsInline { get; }

    /// <summary>Calls the handler and answers the call. An exception is answered by whoever called this.</summary>
    public abstract ValueTask RunAsync(InboundCall call);
}
