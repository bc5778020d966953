using System.Collections.Concurrent;
using Iii.Adapters.RabbitMq.Connections;

namespace Iii.Adapters.RabbitMq.Queues;

/// <summary>What has been declared, on which session: each once, one after the other. Thread-safe.</summary>
/// <remarks>One at a time, because a thousand first messages must not ask the broker a thousand times, each on a channel of its own.</remarks>
#pragma warning disable CA1001 // The semaphore never makes a wait handle, so there is nothing to dispose.
internal sealed class DeclaredNames
#pragma warning restore CA1001
{
    /// <summary>Beyond it all are forgotten, and declared again when they are used.</summary>
    private const int MaxNames = 10_000;

    private readonly ConcurrentDictionary<string, LinkSession> _sessions = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _gate = new(1, 1);

    public bool IsKnown(string name, LinkSession session) => _sessions.TryGetValue(name, out var known) && known == session;

    /// <summary>Declares it, unless somebody else has meanwhile.</summary>
    public async Task DeclareAsync(string name, LinkSession session, Func<Task> declare, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (IsKnown(name, session))
            {
                return;
            }

            await declare().ConfigureAwait(false);
            if (_sessions.Count >= MaxNames)
            {
                _sessions.Clear();
            }

            _sessions[name] = session;
        }
        finally
        {
            _gate.Release();
        }
    }
}
