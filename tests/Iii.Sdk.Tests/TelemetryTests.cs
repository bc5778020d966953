using System.Text;
using System.Text.Json;
using Iii.Sdk.Tests.Support;
using Microsoft.Extensions.Logging;

namespace Iii.Sdk.Tests;

public partial class TelemetryTests
{
    [Fact]
    public async Task Logs_arrive_in_batches_with_their_attributes()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using (var provider = new IiiLoggerProvider(engine.Url, new IiiTelemetryOptions { ServiceName = "billing" }))
        {
            var logger = provider.CreateLogger("Orders");
            LogPaid(logger, 7, 19.5);
            LogLost(logger, new InvalidOperationException("boom"));
        }

        var records = await RecordsAsync(engine, "LOGS", "resourceLogs", "scopeLogs", "logRecords", 2);
        Assert.Equal("order 7 was paid: 19.5", records[0].GetProperty("body").GetProperty("stringValue").GetString());
        Assert.Equal(9, records[0].GetProperty("severityNumber").GetInt32());
        Assert.Equal(7, AttributeOf(records[0], "Order").GetProperty("intValue").GetInt32());
        Assert.Equal(19.5, AttributeOf(records[0], "Amount").GetProperty("doubleValue").GetDouble());
        Assert.Equal(17, records[1].GetProperty("severityNumber").GetInt32());
        Assert.Equal("boom", AttributeOf(records[1], "exception.message").GetProperty("stringValue").GetString());
    }

    [Fact]
    public async Task Spans_of_a_call_arrive()
    {
        await using var engine = await FakeEngine.StartAsync();
        await using (new IiiTraceExporter(engine.Url))
        {
            await using var worker = await IiiWorker.ConnectAsync(engine.Url).Within();
            await worker.InvokeVoidAsync("traced::once", "x", TestJson.Default.String).Within();
            var call = await engine.NextAsync();
            Assert.StartsWith("00-", call.GetProperty("traceparent").GetString(), StringComparison.Ordinal);
        }

        var spans = await RecordsAsync(engine, "OTLP", "resourceSpans", "scopeSpans", "spans", 1);
        var span = Assert.Single(spans, static span => span.GetProperty("name").GetString() == "call traced::once");
        Assert.Equal(3, span.GetProperty("kind").GetInt32());
        Assert.Equal(32, span.GetProperty("traceId").GetString()!.Length);
    }

    [Fact]
    public async Task Logging_without_an_engine_neither_waits_nor_grows()
    {
        await using var provider = new IiiLoggerProvider(
            "ws://127.0.0.1:1", new IiiTelemetryOptions { QueueCapacity = 10, BatchSize = 1, FlushTimeout = TimeSpan.FromMilliseconds(1) });
        var logger = provider.CreateLogger("Orders");

        for (var i = 0; i < 1000; i++)
        {
            LogPaid(logger, i, 1);
        }

        Assert.InRange(provider.Dropped, 900, 1000);
    }

    private static async Task<List<JsonElement>> RecordsAsync(FakeEngine engine, string prefix, string resources, string scopes, string records, int count)
    {
        var all = new List<JsonElement>();
        while (all.Count < count)
        {
            var message = await engine.Telemetry.ReadAsync(TestContext.Current.CancellationToken).Within();
            Assert.Equal(prefix, Encoding.ASCII.GetString(message, 0, 4));
            using var document = JsonDocument.Parse(message.AsMemory(4));
            all.AddRange(document.RootElement.Clone().GetProperty(resources).EnumerateArray()
                .SelectMany(resource => resource.GetProperty(scopes).EnumerateArray())
                .SelectMany(scope => scope.GetProperty(records).EnumerateArray()));
        }

        return all;
    }

    private static JsonElement AttributeOf(JsonElement record, string key) =>
        record.GetProperty("attributes").EnumerateArray().Single(attribute => attribute.GetProperty("key").GetString() == key).GetProperty("value");

    [LoggerMessage(1, LogLevel.Information, "order {Order} was paid: {Amount}")]
    private static partial void LogPaid(ILogger logger, int order, double amount);

    [LoggerMessage(2, LogLevel.Error, "order was lost")]
    private static partial void LogLost(ILogger logger, Exception e);
}
