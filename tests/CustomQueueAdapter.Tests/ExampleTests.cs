using Iii.Broker.Specs;
using Iii.TestServers;
using Iii.Testing;

namespace CustomQueueAdapter.Tests;

/// <summary>The example as its users have it: an engine of its own, with workers.</summary>
public sealed class ExampleTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("iii-example-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Worker_handles_a_job_that_was_enqueued_before_the_engine_was_killed()
    {
        var port = FreePorts.Take();
        await using (var engine = await ExampleProcess.StartAsync(_folder.FullName, port))
        {
            await using var worker = await TestWorker.ConnectAsync(port);
            await SubscribeAsync(worker, "mail::send");
            await EnqueueAsync(worker, "first");
            await AnswerAsync(worker, "mail::send", "first", attempt: 1);

            await EnqueueAsync(worker, "second");
            await worker.NextCallAsync("mail::send"); // in the worker's hands, and never answered
            await EnqueueAsync(worker, "third");
            await engine.KillAsync();
        }

        await using var restarted = await ExampleProcess.StartAsync(_folder.FullName, port);
        await using var next = await TestWorker.ConnectAsync(port);
        await SubscribeAsync(next, "mail::send");
        await AnswerAsync(next, "mail::send", "third", attempt: 1);
        await AnswerAsync(next, "mail::send", "second", attempt: 2);
        restarted.Terminate();
        Assert.Equal((0, ""), await restarted.EndAsync() is var (exitCode, _, errors) ? (exitCode, errors) : default);
    }

    [Fact]
    public async Task Job_that_always_fails_is_a_dead_letter_and_can_be_put_back()
    {
        var port = FreePorts.Take();
        await using var engine = await ExampleProcess.StartAsync(_folder.FullName, port);
        await using var worker = await TestWorker.ConnectAsync(port);
        await SubscribeAsync(worker, "mail::send", """{"maxRetries":2,"backoffDelayMs":10}""");
        await EnqueueAsync(worker, "bad");
        for (var attempt = 1; attempt <= 2; attempt++)
        {
            await AnswerAsync(worker, "mail::send", "bad", attempt, """ "error":{"code":"boom","message":"it failed"} """);
        }

        await Eventually.HoldsAsync("there is a dead letter, and it is put back", async () =>
        {
            var answer = await worker.CallAsync("iii::queue::redrive", """{"topic":"mail.out"}""");
            return answer.GetProperty("result").GetProperty("redriven").GetInt32() > 0;
        });

        await AnswerAsync(worker, "mail::send", "bad", attempt: 1);
    }

    [Fact]
    public async Task What_the_adapter_does_not_declare_is_refused_and_says_so()
    {
        var port = FreePorts.Take();
        await using var engine = await ExampleProcess.StartAsync(_folder.FullName, port);
        await using var worker = await TestWorker.ConnectAsync(port);
        var answer = await worker.CallAsync("enqueue", """{"topic":"mail.out","data":1,"priority":5}""");
        var error = answer.GetProperty("error");
        Assert.Equal("enqueue_failed", error.GetProperty("code").GetString());
        Assert.Contains("lacks Priority", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ name: directry }", "no adapter 'directry'; did you mean 'directory'?")]
    [InlineData("{ name: directory, config: { foldr: x } }", "unknown key 'foldr'; did you mean 'folder'?")]
    [InlineData("{ name: directory, config: { folder: /dev/null/jobs, connect_timeout_ms: 900 } }", "The folder /dev/null/jobs/iii cannot be used")]
    public async Task Configuration_that_cannot_be_used_ends_the_program_and_says_why(string adapter, string expected)
    {
        await using var engine = ExampleProcess.StartWith(
            _folder.FullName,
            FreePorts.Take(),
            $$"""
            modules:
              - class: modules::queue::QueueModule
                config: { adapter: {{adapter}} }
            """);
        var (exitCode, _, errors) = await engine.EndAsync();
        Assert.Equal(1, exitCode);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
    }

    private static async Task SubscribeAsync(TestWorker worker, string functionId, string queueConfig = """{"visibilityTimeout":1}""")
    {
        await worker.RegisterAsync(functionId);
        await worker.SendAsync(
            $$"""
            {"type":"registertrigger","id":"t","trigger_type":"queue","function_id":"{{functionId}}",
             "config":{"topic":"mail.out","queue_config":{{queueConfig}}} }
            """);
        await worker.BarrierAsync();
    }

    private static async Task EnqueueAsync(TestWorker worker, string text)
    {
        var answer = await worker.CallAsync("enqueue", $$"""{"topic":"mail.out","data":"{{text}}"}""");
        Assert.False(answer.TryGetProperty("error", out var error), error.ToString());
    }

    private static async Task AnswerAsync(
        TestWorker worker, string functionId, string text, int attempt, string answer = """ "result":null """)
    {
        var call = await worker.NextCallAsync(functionId);
        Assert.Equal(text, call.GetProperty("data").GetString());
        Assert.Equal(attempt, call.GetProperty("metadata").GetProperty("attempt").GetInt32());
        await worker.AnswerAsync(call, answer);
    }
}
