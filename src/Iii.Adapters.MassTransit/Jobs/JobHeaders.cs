using System.Collections.ObjectModel;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Iii.Broker;
using MassTransit;

namespace Iii.Adapters.MassTransit.Jobs;

/// <summary>What travels with a payload, as headers of the transport.</summary>
/// <remarks>
/// <code>
/// iii-message-id     the id of the receipt
/// iii-enqueued-at    milliseconds since 1970
/// iii-headers        JSON object of texts: the headers that were enqueued
/// iii-attempts       attempts that have ended, from 1
/// iii-failures       JSON array of <see cref="AttemptRecord"/>, oldest first
/// iii-due            milliseconds since 1970: not delivered before
/// </code>
/// AMQP's headers must fit into one frame of 128 KiB: where failures are longer than <see cref="MaxFailuresLength"/> together, the texts
/// of the oldest are left out.
/// </remarks>
internal static class JobHeaders
{
    public const int MaxFailuresLength = 32 * 1024;

    private const string MessageId = "iii-message-id";
    private const string EnqueuedAt = "iii-enqueued-at";
    private const string Headers = "iii-headers";
    private const string Attempts = "iii-attempts";
    private const string Failures = "iii-failures";
    private const string Due = "iii-due";

    private const string TraceParent = "traceparent";

    /// <summary>MassTransit's name for the same.</summary>
    private const string ActivityId = "MT-Activity-Id";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>How those headers of other programs begin that are the business of MassTransit or of the transport.</summary>
    private static readonly string[] NotTheirs = ["iii-", "MT-", "x-", "Content-", "MessageId", "CorrelationId", "publishId"];

    public static void Write(Job job, SendHeaders headers)
    {
        headers.Set(MessageId, job.MessageId);
        headers.Set(EnqueuedAt, Text(job.EnqueuedAt));
        if (job.Headers.Count > 0)
        {
            headers.Set(Headers, JsonSerializer.Serialize(job.Headers, Json));
        }

        if (job.Headers.TryGetValue(TraceParent, out var trace))
        {
            headers.Set(ActivityId, trace);
        }

        if (job.Attempts > 0)
        {
            headers.Set(Attempts, job.Attempts.ToString(CultureInfo.InvariantCulture));
            headers.Set(Failures, Fit(job.Failures));
        }

        if (job.Due is { } due)
        {
            headers.Set(Due, Text(due));
        }
    }

    /// <summary>Reads a message of this adapter, or of a program that knows nothing of it.</summary>
    /// <exception cref="FormatException">It cannot be read.</exception>
    /// <exception cref="JsonException">Likewise.</exception>
    public static Job Read(ReceiveContext context)
    {
        var headers = context.TransportHeaders;
        return headers.Get<string>(MessageId) is { } id
            ? new Job
            {
                MessageId = id,
                EnqueuedAt = Time(headers.Get<string>(EnqueuedAt) ?? ""),
                Payload = context.Body.GetBytes(),
                Headers = Parse<Dictionary<string, string>>(headers.Get<string>(Headers)) ?? NoHeaders,
                Attempts = int.Parse(headers.Get<string>(Attempts) ?? "0", NumberStyles.None, CultureInfo.InvariantCulture),
                Failures = Parse<AttemptRecord[]>(headers.Get<string>(Failures)) ?? [],
                Due = headers.Get<string>(Due) is { } due ? Time(due) : null,
            }
            : ReadForeign(context);
    }

    private static IReadOnlyDictionary<string, string> NoHeaders => ReadOnlyDictionary<string, string>.Empty;

    private static Job ReadForeign(ReceiveContext context)
    {
        var body = context.Body.GetBytes();
        var envelope = Envelope.IsOne(context.ContentType?.MediaType) ? Envelope.Read(body) : new Envelope(body, null, null);
        var id = context.GetMessageId() ?? envelope.MessageId ?? Guid.CreateVersion7();
        return new Job
        {
            MessageId = id.ToString("N"),
            EnqueuedAt = envelope.SentTime ?? DateTimeOffset.UtcNow,
            Payload = envelope.Message,
            Headers = ForeignHeaders(context.TransportHeaders),
        };
    }

    /// <summary>The texts among them, as many as a message may have.</summary>
    private static Dictionary<string, string> ForeignHeaders(Headers headers)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var room = BrokerLimits.MaxHeaderBytes;
        if (headers.Get<string>(ActivityId) is { } trace)
        {
            Add(TraceParent, trace);
        }

        foreach (var (name, value) in headers.GetAll())
        {
            if (value is string text && !NotTheirs.Any(start => name.StartsWith(start, StringComparison.OrdinalIgnoreCase)))
            {
                Add(name, text);
            }
        }

        return found;

        void Add(string name, string text)
        {
            var size = Encoding.UTF8.GetByteCount(name) + Encoding.UTF8.GetByteCount(text);
            if (size <= room && found.Count < BrokerLimits.MaxHeaders && found.TryAdd(name, text))
            {
                room -= size;
            }
        }
    }

    private static string Fit(IReadOnlyList<AttemptRecord> failures)
    {
        var kept = failures.ToArray();
        for (var oldest = 0; ; oldest++)
        {
            var text = JsonSerializer.Serialize(kept, Json);
            if (Encoding.UTF8.GetByteCount(text) <= MaxFailuresLength || oldest == kept.Length)
            {
                return text;
            }

            kept[oldest] = kept[oldest] with { Failure = kept[oldest].Failure with { Message = "" } };
        }
    }

    private static T? Parse<T>(string? json) => json is null ? default : JsonSerializer.Deserialize<T>(json, Json);

    private static string Text(DateTimeOffset time) => time.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    private static DateTimeOffset Time(string text) =>
        DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));
}
