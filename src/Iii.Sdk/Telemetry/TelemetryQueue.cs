using System.Net.WebSockets;
using System.Threading.Channels;
using Iii.Sdk.Connection;
using Iii.Sdk.Wire;

namespace Iii.Sdk.Telemetry;

/// <summary>Records that wait to be sent, and the loop that sends them in batches, again and again until it succeeds.</summary>
internal sealed class TelemetryQueue<T> : IAsyncDisposable
{
    private readonly IiiTelemetryOptions _options;
    private readonly TelemetrySocket _socket;
    private readonly Action<MessageWriter, IReadOnlyList<T>> _write;
    private readonly Channel<T> _records;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _running;
    private long _dropped;

    public TelemetryQueue(Uri engine, IiiTelemetryOptions options, Action<MessageWriter, IReadOnlyList<T>> write)
    {
        _options = options;
        _write = write;
        _socket = new TelemetrySocket(engine, options.Time);
        _records = Channel.CreateBounded<T>(new BoundedChannelOptions(options.QueueCapacity) { SingleReader = true });
        _running = Task.Run(RunAsync);
    }

    /// <summary>Records that found the queue full.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public void Add(T record)
    {
        if (!_records.Writer.TryWrite(record))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Sends what waits, for a bounded time, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_records.Writer.TryComplete())
        {
            _ending.CancelAfter(_options.FlushTimeout);
            await _running.ConfigureAwait(false);
            _socket.Dispose();
            _ending.Dispose();
        }
    }

    private async Task RunAsync()
    {
        var backoff = new Backoff(Random.Shared.NextDouble);
        var batch = new List<T>();
        try
        {
            while (await _records.Reader.WaitToReadAsync(_ending.Token).ConfigureAwait(false))
            {
                await GatherAsync(batch).ConfigureAwait(false);
                await SendAsync(Encode(batch), backoff).ConfigureAwait(false);
                batch.Clear();
            }

            await _socket.CloseAsync().WaitAsync(_ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The time to flush is over.
        }
    }

    /// <summary>Takes what is there, and what comes within the interval, up to a full batch.</summary>
    private async Task GatherAsync(List<T> batch)
    {
        using var interval = new CancellationTokenSource(_options.BatchInterval, _options.Time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, interval.Token);
        try
        {
            do
            {
                while (batch.Count < _options.BatchSize && _records.Reader.TryRead(out var record))
                {
                    batch.Add(record);
                }
            }
            while (batch.Count < _options.BatchSize && await _records.Reader.WaitToReadAsync(patience.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (!_ending.IsCancellationRequested)
        {
            // The interval is over.
        }
    }

    private byte[] Encode(List<T> batch)
    {
        using var message = MessageWriter.Rent();
        _write(message, batch);
        return message.Span.ToArray();
    }

    private async Task SendAsync(byte[] message, Backoff backoff)
    {
        while (true)
        {
            try
            {
                await _socket.SendAsync(message, _ending.Token).ConfigureAwait(false);
                backoff.Reset();
                return;
            }
            catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException or WebSocketException)
            {
                // Not logged: the log would be what cannot be sent.
                await Task.Delay(backoff.Next(), _options.Time, _ending.Token).ConfigureAwait(false);
            }
        }
    }
}
