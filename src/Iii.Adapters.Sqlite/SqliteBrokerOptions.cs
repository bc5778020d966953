using Iii.Adapters.Sqlite.Queues;
using Iii.Broker;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Iii.Adapters.Sqlite;

/// <summary>The configuration of a <see cref="SqliteBroker"/>.</summary>
public sealed record SqliteBrokerOptions
{
    /// <summary>The name of the file in its <see cref="Folder"/>.</summary>
    public const string FileName = "queues.db";

    /// <summary>The largest <see cref="BrokerLimits.MaxMessageBytes"/> that the file takes; more is a programming error.</summary>
    public const int MaxMessageBytes = 512 * 1024 * 1024;

    /// <summary>Where the file lies. Made if it is not there. On a local disk: file systems of a network do not lock reliably.</summary>
    public string Folder { get; init; } = "./data";

    /// <summary>
    /// The bounds. A group's length counts all it holds: waiting, delayed, delivered and dead messages; so a group full of dead
    /// letters refuses new messages until somebody redrives or discards some.
    /// </summary>
    public BrokerLimits Limits { get; init; } = new();

    /// <summary>
    /// Told of every exception that a queue handler throws. It must be fast and must not throw. The default forgets them, since a
    /// handler is expected not to throw.
    /// </summary>
    public Action<Exception> HandlerFailed { get; init; } = static _ => { };

    /// <summary>Where the adapter logs to.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>
    /// Where time comes from. The wall clock is read once, when the file is opened; from then on durations are measured on the
    /// monotonic clock, so that setting the wall clock moves nothing.
    /// </summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How much memory a line takes; tests make it small.</summary>
    internal LineWindow Window { get; init; } = new();
}
