using System.Buffers;
using Iii.Engine.Discovery;
using Iii.Protocol;

namespace Iii.Engine.Invocations;

/// <summary>An <see cref="InvocationOutcome"/> that its receiver owns, and disposes when it has read it.</summary>
internal readonly struct InvocationResult : IDisposable
{
    private readonly byte[]? _rented;
    private readonly int _length;
    private readonly bool _isError;

    private InvocationResult(byte[]? rented, int length, bool isError, bool isRefusal, FunctionProvider? provider)
    {
        _rented = rented;
        _length = length;
        _isError = isError;
        IsRefusal = isRefusal;
        Provider = provider;
    }

    public bool IsError => _isError;

    /// <summary>Whether nobody took the invocation, so that it certainly did not run.</summary>
    public bool IsRefusal { get; }

    /// <summary>Of an error: who was last asked to carry the invocation out; null when nobody was.</summary>
    public FunctionProvider? Provider { get; }

    /// <summary>The result: one JSON value; empty when there is none, or an error.</summary>
    public ReadOnlyMemory<byte> Value => _isError ? default : Bytes;

    /// <summary>The error: an object with string <c>code</c> and <c>message</c>; empty on success.</summary>
    public ReadOnlyMemory<byte> Error => _isError ? Bytes : default;

    private ReadOnlyMemory<byte> Bytes => _rented.AsMemory(0, _length);

    /// <summary>Copies an outcome.</summary>
    /// <param name="outcome">The outcome.</param>
    /// <param name="provider">Whose it is, for those who ask.</param>
    public static InvocationResult CopyOf(in InvocationOutcome outcome, FunctionProvider? provider = null)
    {
        var bytes = outcome.IsError ? outcome.Error : outcome.Result;
        if (bytes.IsEmpty)
        {
            return default;
        }

        var rented = ArrayPool<byte>.Shared.Rent(bytes.Length);
        bytes.CopyTo(rented);
        return new InvocationResult(rented, bytes.Length, outcome.IsError, outcome.IsRefusal, provider);
    }

    /// <summary>The error's code and message; only to be asked of an error.</summary>
    public (string Code, string Message) ReadError() => ErrorBody.Read(Bytes.Span);

    public void Dispose()
    {
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
        }
    }
}
