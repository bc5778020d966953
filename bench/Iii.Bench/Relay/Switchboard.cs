using System.Collections.Concurrent;
using System.Text;
using Iii.Bench.Wire;

namespace Iii.Bench.Relay;

/// <summary>Who provides which function, the one route, and the calls under way.</summary>
internal sealed class Switchboard
{
    private const int MaxStackChars = 256;
    private readonly ConcurrentDictionary<string, WorkerLink> _providers = new();
    private readonly ConcurrentDictionary<string, WorkerLink>.AlternateLookup<ReadOnlySpan<char>> _providersByText;
    private readonly ConcurrentDictionary<Guid, IReplyTaker> _calls = new();
    private byte[]? _httpFunction;

    public Switchboard() => _providersByText = _providers.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The function of the route, as the characters of its id; null until a worker registers an http trigger.</summary>
    public byte[]? HttpFunction => _httpFunction;

    public void Provide(ReadOnlySpan<byte> functionId, WorkerLink provider) =>
        _providers[Encoding.UTF8.GetString(functionId)] = provider;

    /// <summary>The first http trigger becomes the one route; later ones change nothing.</summary>
    public void Route(ReadOnlySpan<byte> functionId)
    {
        if (_httpFunction is null)
        {
            Interlocked.CompareExchange(ref _httpFunction, functionId.ToArray(), null);
        }
    }

    public void Leave(WorkerLink provider)
    {
        foreach (var entry in _providers)
        {
            if (entry.Value == provider)
            {
                _providers.TryRemove(entry);
            }
        }
    }

    public WorkerLink? ProviderOf(ReadOnlySpan<byte> functionId)
    {
        if (functionId.Length > MaxStackChars)
        {
            return _providers.GetValueOrDefault(Encoding.UTF8.GetString(functionId));
        }

        Span<char> chars = stackalloc char[MaxStackChars];
        var length = Encoding.UTF8.GetChars(functionId, chars);
        return _providersByText.TryGetValue(chars[..length], out var provider) ? provider : null;
    }

    public void Expect(Guid invocationId, IReplyTaker taker) => _calls[invocationId] = taker;

    public bool Deliver(Message message, in Envelope envelope)
    {
        if (!_calls.TryRemove(envelope.InvocationId, out var taker))
        {
            return false;
        }

        taker.Take(message, envelope);
        return true;
    }
}
