namespace Iii.Sdk;

/// <summary>Something that a worker has registered. Dispose of it to take it back; that may be done twice.</summary>
/// <remarks>Invocations that are under way when a function is taken back still finish.</remarks>
public sealed class IiiRegistration : IDisposable, IAsyncDisposable
{
    private Action? _remove;

    internal IiiRegistration(string id, Action remove) => (Id, _remove) = (id, remove);

    /// <summary>The id of the function, the trigger or the trigger type.</summary>
    public string Id { get; }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _remove, null)?.Invoke();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
