using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;

namespace Iii.EndToEnd.Tests.Clusters;

/// <summary>Requests for one path, some hundred a second, for as long as a test needs; what became of each is kept.</summary>
internal sealed class RequestLoad : IAsyncDisposable
{
    private const int Lanes = 10;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentQueue<Outcome> _outcomes = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _lanes;

    /// <summary>Starts it.</summary>
    /// <param name="clients">Where to ask; each lane takes the next of them.</param>
    /// <param name="path">What to ask for.</param>
    public RequestLoad(IReadOnlyList<HttpClient> clients, string path) =>
        _lanes = Task.WhenAll(Enumerable.Range(0, Lanes).Select(lane => RunAsync(clients[lane % clients.Count], path)));

    /// <summary>Everything so far.</summary>
    public IReadOnlyList<Outcome> Outcomes => [.. _outcomes];

    /// <summary>Those that did not bring what they should have.</summary>
    public IReadOnlyList<Outcome> Failures => [.. _outcomes.Where(static outcome => outcome.Problem is not null)];

    /// <summary>Waits until so many further requests have been answered well: whatever is going on goes on.</summary>
    public async Task GoesOnAsync(int count = 300)
    {
        var before = _outcomes.Count(static outcome => outcome.Problem is null);
        await Eventually.TrueAsync("the load goes on", () => _outcomes.Count(static outcome => outcome.Problem is null) >= before + count);
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Eventually.EndsAsync("the load ends", _lanes);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _lanes;
        _stop.Dispose();
    }

    private async Task RunAsync(HttpClient client, string path)
    {
        while (!_stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            _outcomes.Enqueue(new Outcome(await AskAsync(client, path), Stopwatch.GetElapsedTime(started)));
            try
            {
                await Task.Delay(Pace, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private static async Task<string?> AskAsync(HttpClient client, string path)
    {
        try
        {
            using var response = await client.GetAsync(path);
            return response.StatusCode == HttpStatusCode.OK ? null : $"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}";
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
        catch (TaskCanceledException)
        {
            return "no answer in time";
        }
    }

    /// <summary>What became of one request.</summary>
    /// <param name="Problem">Null when all was well.</param>
    /// <param name="Took">How long it took.</param>
    internal sealed record Outcome(string? Problem, TimeSpan Took);
}
