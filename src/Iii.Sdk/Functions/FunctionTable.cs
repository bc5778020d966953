using System.Collections.Concurrent;
using Iii.Protocol;
using Iii.Sdk.Transport;

namespace Iii.Sdk.Functions;

/// <summary>The functions of this worker, by id.</summary>
internal sealed class FunctionTable
{
    /// <summary>The longest id that is looked up without making a string of it, in characters.</summary>
    private const int StackIdLength = 256;

    private readonly ConcurrentDictionary<string, Function> _functions = new();
    private readonly ConcurrentDictionary<string, Function>.AlternateLookup<ReadOnlySpan<char>> _byCharacters;

    public FunctionTable() => _byCharacters = _functions.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryAdd(Function function) => _functions.TryAdd(function.Id, function);

    public void Remove(string id) => _functions.TryRemove(id, out _);

    /// <summary>Passes a call on to its function.</summary>
    public void Call(in Envelope envelope, InboundCalls inbound, WorkBatch work)
    {
        if (Find(envelope.FunctionId) is { } function)
        {
            inbound.Accept(new InboundCall(inbound, function, envelope), work);
            return;
        }

        var id = envelope.FunctionId.GetString() ?? string.Empty;
        new InboundCall(inbound, new MissingFunction(id), envelope).Fail(ErrorCodes.FunctionNotFound, $"Function {id} not found in this worker");
    }

    private Function? Find(JsonSlice id)
    {
        Span<char> characters = stackalloc char[StackIdLength];
        var length = id.GetString(characters);
        Function? function = null;
        if (length >= 0)
        {
            _byCharacters.TryGetValue(characters[..length], out function);
        }
        else if (id.GetString() is { } text)
        {
            _functions.TryGetValue(text, out function);
        }

        return function;
    }

    /// <summary>Stands for a function that was taken back while a call was on its way.</summary>
    private sealed class MissingFunction(string id) : Function(id, runsInline: true)
    {
        public override ValueTask RunAsync(InboundCall call) => default;
    }
}
