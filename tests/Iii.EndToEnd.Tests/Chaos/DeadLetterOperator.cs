using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Iii.Sdk;

namespace Iii.EndToEnd.Tests.Chaos;

/// <summary>Looks for dead letters and redrives them one by one, as somebody does who is paged.</summary>
/// <param name="url">The engine that is asked; it may be killed meanwhile.</param>
internal sealed class DeadLetterOperator(string url)
{
    /// <summary>What becomes of a job whose worker was killed three times. Nothing else ends a job of the recording workers.</summary>
    private const string Expected = "worker_crash";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<JobName, bool> _seen = new();
    private readonly ConcurrentDictionary<string, bool> _unexpected = new();

    /// <summary>The jobs that were dead letters.</summary>
    public IReadOnlySet<JobName> Seen => _seen.Keys.ToHashSet();

    /// <summary>The dead letters that no kill explains, as the engine shows them. They are redriven too.</summary>
    public IReadOnlyCollection<string> Unexpected => [.. _unexpected.Keys];

    /// <summary>Goes on until it is told to end.</summary>
    public async Task RedriveAsync(IReadOnlyList<string> topics, CancellationToken cancellation)
    {
        await using var worker = IiiWorker.Start(url);
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                foreach (var topic in topics)
                {
                    await RedriveAsync(worker, topic, cancellation);
                }
            }
            catch (Exception e) when (e is IiiException or IiiTimeoutException)
            {
                // The engine or its broker is away. What was dead is still dead in the next round.
            }

            await Task.Delay(Pause, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RedriveAsync(IiiWorker worker, string topic, CancellationToken cancellation)
    {
        var answer = await worker.InvokeRawAsync(
            "engine::queue::dlq_messages", Encoding.UTF8.GetBytes($$"""{"topic":"{{topic}}","limit":1000}"""), cancellation: cancellation);
        foreach (var letter in JsonElement.Parse(answer.Span).EnumerateArray())
        {
            var payload = letter.GetProperty("payload");
            _seen[new JobName(topic, payload.GetProperty("key").GetInt32(), payload.GetProperty("number").GetInt32())] = true;
            if (letter.GetProperty("error_code").GetString() != Expected)
            {
                _unexpected[letter.GetRawText()] = true;
            }

            await worker.InvokeRawAsync(
                "iii::queue::redrive_message",
                Encoding.UTF8.GetBytes($$"""{"topic":"{{topic}}","message_id":"{{letter.GetProperty("id").GetString()}}"}"""),
                cancellation: cancellation);
        }
    }
}
