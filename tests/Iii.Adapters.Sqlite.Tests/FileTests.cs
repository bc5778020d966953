using System.Text;
using Iii.Broker;
using Iii.Broker.Specs;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Adapters.Sqlite.Tests;

/// <summary>Files that are held, foreign, newer, damaged or full.</summary>
public sealed class FileTests : IAsyncDisposable
{
    private const string Queue = "queue";

    private readonly SqliteFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task A_second_open_is_refused_until_the_first_is_closed_or_dead()
    {
        var first = await _folder.OpenAsync();
        var refusal = await RefusedAsync(BrokerErrorCodes.Conflict);
        Assert.Contains($"process {Environment.ProcessId}", refusal.Message, StringComparison.Ordinal);

        await first.DisposeAsync();
        var second = await _folder.OpenAsync();
        await RefusedAsync(BrokerErrorCodes.Conflict);
        await second.BreakAsync();
        await _folder.OpenAsync();
    }

    [Fact]
    public async Task The_folder_is_made_and_its_file_is_alone_after_closing()
    {
        var folder = Path.Combine(_folder.Path, "a", "b");
        await using (await SqliteBroker.OpenAsync(new SqliteBrokerOptions { Folder = folder }, Cancel))
        {
            Assert.True(File.Exists(Path.Combine(folder, "queues.db")));
        }

        Assert.Equal(["queues.db"], Directory.GetFiles(folder).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("/proc/iii")]
    [InlineData("/dev/null/iii")]
    public async Task A_folder_that_cannot_be_written_to_is_refused(string folder)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The folders are of Linux.");
        var refusal = await Assert.ThrowsAsync<BrokerException>(
            async () => await SqliteBroker.OpenAsync(new SqliteBrokerOptions { Folder = folder }, Cancel));
        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, refusal.Code);
        Assert.Contains(folder, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused_and_left_as_it_is()
    {
        var content = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("This is a text, and no short one. ", 100)));
        await File.WriteAllBytesAsync(_folder.File, content, Cancel);
        var refusal = await RefusedAsync(BrokerErrorCodes.BrokerUnavailable);
        Assert.Contains("no SQLite database", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllBytesAsync(_folder.File, Cancel));
    }

    [Fact]
    public async Task The_database_of_another_program_is_refused_and_left_as_it_is()
    {
        Sql("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
        var content = await File.ReadAllBytesAsync(_folder.File, Cancel);
        var refusal = await RefusedAsync(BrokerErrorCodes.BrokerUnavailable);
        Assert.Contains("another program", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllBytesAsync(_folder.File, Cancel));
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused_and_nothing_of_it_lost()
    {
        var broker = await _folder.OpenAsync();
        await broker.Queues.EnqueueAsync(Queue, Message("1"), null, Cancel);
        await broker.DisposeAsync();
        Sql("PRAGMA user_version = 1000");
        var refusal = await RefusedAsync(BrokerErrorCodes.NotSupported);
        Assert.Contains("1000", refusal.Message, StringComparison.Ordinal);

        Sql("PRAGMA user_version = 1");
        Assert.Equal(["1"], await DrainAsync(await _folder.OpenAsync(), 1));
    }

    [Fact]
    public async Task Damage_in_the_file_ends_in_refusals_and_never_in_a_crash()
    {
        var broker = await _folder.OpenAsync();
        for (var i = 0; i < 300; i++)
        {
            await broker.Queues.EnqueueAsync(Queue, Message(new string('x', 1_000)), null, Cancel);
        }

        await broker.DisposeAsync();
        await using (var file = File.OpenWrite(_folder.File))
        {
            file.Position = 4096;
            file.Write(new byte[file.Length - 4096 - 4096]);
        }

        await Eventually.HoldsAsync("the damage is noticed", async () =>
        {
            try
            {
                var damaged = await _folder.OpenAsync();
                await damaged.Queues.EnqueueAsync(Queue, Message("x"), null, Cancel);
                return false;
            }
            catch (BrokerException exception)
            {
                Assert.Equal(BrokerErrorCodes.BrokerUnavailable, exception.Code);
                Assert.Contains("damaged", exception.Message, StringComparison.Ordinal);
                return true;
            }
        });
    }

    [Fact]
    public async Task A_full_disk_refuses_messages_until_there_is_room_and_loses_none()
    {
        var broker = await _folder.OpenAsync();
        var accepted = new List<string>();
        await broker.ExecuteAsync("PRAGMA max_page_count = 100");
        BrokerException? refusal = null;
        for (var i = 0; refusal is null; i++)
        {
            var text = $"{i:0000}" + new string('x', 1_000);
            try
            {
                await broker.Queues.EnqueueAsync(Queue, Message(text), null, Cancel);
                accepted.Add(text);
            }
            catch (BrokerException exception)
            {
                refusal = exception;
            }
        }

        Assert.Equal(BrokerErrorCodes.BrokerUnavailable, refusal.Code);
        Assert.Contains("full", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(accepted.Count, 50, 400);
        Assert.Equal(accepted.Count, (await broker.Queues.GetStatsAsync(Queue, Cancel))!.Unbound);

        Assert.Equal(accepted, await DrainAsync(broker, accepted.Count));
        await broker.Queues.EnqueueAsync(Queue, Message("again"), null, Cancel);
    }

    [Fact]
    public async Task Verdicts_that_a_full_disk_refuses_are_carried_out_when_there_is_room()
    {
        const int Count = 40;
        var broker = await _folder.OpenAsync();
        var bulk = new AttemptFailure("bulk", new string('m', BrokerLimits.MaxFailureMessageLength));
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<int>();
        await broker.Queues.ConsumeAsync(
            new QueueSubscription(Queue) { Concurrency = Count },
            async (delivery, _) =>
            {
                started.Add(delivery.Attempt);
                await gate.Task;
                return QueueVerdict.DeadLetter(bulk);
            },
            Cancel);
        for (var i = 0; i < Count; i++)
        {
            await broker.Queues.EnqueueAsync(Queue, Message($"{i}"), null, Cancel);
        }

        await started.WaitForAsync(Count);
        await broker.ExecuteAsync("PRAGMA max_page_count = 1");
        gate.SetResult();
        await RefusedAsFullAsync(broker);
        Assert.True((await broker.Queues.GetStatsAsync(Queue, Cancel))!.Groups[0].Dead < Count);

        await broker.ExecuteAsync("PRAGMA max_page_count = 1000000");
        await Eventually.HoldsAsync("all verdicts are carried out", async () =>
            await broker.Queues.GetStatsAsync(Queue, Cancel) is { Groups: [{ Dead: Count, Delivering: 0, Waiting: 0, Delayed: 0 }] });
        Assert.All(started.Items, attempt => Assert.Equal(1, attempt));
        await broker.Queues.EnqueueAsync("other", Message("fits"), null, Cancel);
    }

    [Fact]
    public async Task A_place_that_a_full_disk_held_is_taken_as_soon_as_there_is_room()
    {
        var broker = await _folder.OpenAsync();
        var bulk = new AttemptFailure("bulk", new string('€', BrokerLimits.MaxFailureMessageLength));
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<string>();
        await broker.Queues.ConsumeAsync(
            new QueueSubscription(Queue),
            async (delivery, _) =>
            {
                started.Add(Encoding.UTF8.GetString(delivery.Payload.Span));
                await gate.Task;
                return QueueVerdict.DeadLetter(bulk);
            },
            Cancel);
        await broker.Queues.EnqueueAsync(Queue, Message("1"), null, Cancel);
        await broker.Queues.EnqueueAsync(Queue, Message("2"), null, Cancel);
        await started.WaitForAsync(1);
        await broker.ExecuteAsync("PRAGMA max_page_count = 1");
        gate.SetResult();
        await RefusedAsFullAsync(broker);
        Assert.Equal((1, 1), await broker.Queues.GetStatsAsync(Queue, Cancel) is { Groups: [var group] } ? (group.Waiting, group.Delivering) : default);

        await broker.ExecuteAsync("PRAGMA max_page_count = 1000000");
        Assert.Equal(["1", "2"], await started.WaitForAsync(2));
    }

    [Fact]
    public async Task A_full_disk_does_not_keep_the_broker_from_closing()
    {
        var broker = await _folder.OpenAsync();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<string>();
        await broker.Queues.ConsumeAsync(
            new QueueSubscription(Queue) { DrainTimeout = TimeSpan.FromMilliseconds(100) },
            async (delivery, _) =>
            {
                started.Add(delivery.MessageId);
                await gate.Task;
                return QueueVerdict.DeadLetter(new AttemptFailure("bulk", new string('m', BrokerLimits.MaxFailureMessageLength)));
            },
            Cancel);
        await broker.Queues.EnqueueAsync(Queue, Message("1"), null, Cancel);
        await started.WaitForAsync(1);
        await broker.ExecuteAsync("PRAGMA max_page_count = 1");
        gate.SetResult();
        await Eventually.CompletesAsync("dispose", broker.DisposeAsync().AsTask());

        Assert.Equal(["1"], await DrainAsync(await _folder.OpenAsync(), 1));
    }

    [Theory]
    [InlineData("PRAGMA max_page_count = 1", true)]
    [InlineData("PRAGMA query_only = 1", true)]
    [InlineData("PRAGMA query_only = 1", false)]
    public async Task A_file_that_takes_no_verdicts_does_not_keep_a_patient_consumer_from_ending(string sql, bool handlerEnds)
    {
        var time = new FakeTimeProvider();
        var broker = await _folder.OpenAsync(time: time);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new Recorder<CancellationToken>();
        var consumer = await broker.Queues.ConsumeAsync(
            new QueueSubscription(Queue) { DrainTimeout = handlerEnds ? TimeSpan.FromDays(24) : TimeSpan.FromSeconds(1) },
            async (_, lost) =>
            {
                started.Add(lost);
                await gate.Task.WaitAsync(lost);
                return QueueVerdict.DeadLetter(new AttemptFailure("bulk", new string('€', BrokerLimits.MaxFailureMessageLength)));
            },
            Cancel);
        await broker.Queues.EnqueueAsync(Queue, Message("1"), null, Cancel);
        var token = (await started.WaitForAsync(1))[0];
        await broker.ExecuteAsync(sql);
        if (handlerEnds)
        {
            gate.SetResult();
        }

        await PassesAsync("the consumer ends", consumer.DisposeAsync().AsTask());
        await PassesAsync("the broker ends", broker.DisposeAsync().AsTask());
        await Eventually.HoldsAsync("the handler is told", () => handlerEnds || token.IsCancellationRequested);
        Assert.Equal(["1"], await DrainAsync(await _folder.OpenAsync(), 1));

        Task PassesAsync(string what, Task task) => Eventually.HoldsAsync(what, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return task.IsCompletedSuccessfully;
        });
    }

    [Fact]
    public async Task What_cannot_be_read_becomes_a_dead_letter_and_holds_nothing_up()
    {
        var broker = await _folder.OpenAsync();
        var headers = new Dictionary<string, string> { ["k"] = "v" };
        foreach (var text in (string[])["headers", "history", "payload", "fine"])
        {
            await broker.Queues.EnqueueAsync(
                Queue, Message(text) with { Headers = headers }, new EnqueueOptions { OrderingKey = "k" }, Cancel);
        }

        await broker.DisposeAsync();
        Sql("UPDATE messages SET headers = x'07ffff' WHERE payload = CAST('headers' AS BLOB)");
        Sql("UPDATE messages SET failures = x'01' WHERE payload = CAST('history' AS BLOB)");
        Sql("UPDATE messages SET payload = NULL, body = 4711 WHERE payload = CAST('payload' AS BLOB)");

        broker = await _folder.OpenAsync();
        Assert.Equal(["fine"], await DrainAsync(broker, 1, QueueOrdering.PerKey));
        var dead = (await broker.Queues.ListAsync(Queue, "default", PageRequest.First, Cancel)).Items;
        Assert.Equal(["headers", "history", ""], dead.Select(record => Encoding.UTF8.GetString(record.Payload.Span)));
        Assert.All(dead, record => Assert.Equal(SqliteQueueBroker.UndecodableMessage, record.Reason.Code));
        Assert.Equal([0, 1, 1], dead.Select(record => record.Headers.Count));
    }

    private static QueueMessage Message(string text) => new(Encoding.UTF8.GetBytes(text));

    private static Task RefusedAsFullAsync(SqliteBroker broker) => Eventually.HoldsAsync("the disk is full", async () =>
    {
        try
        {
            await broker.Queues.EnqueueAsync("other", Message(new string('x', 100_000)), null, Cancel);
            return false;
        }
        catch (BrokerException exception) when (exception.Code == BrokerErrorCodes.BrokerUnavailable)
        {
            return true;
        }
    });

    private static async Task<IEnumerable<string>> DrainAsync(SqliteBroker broker, int count, QueueOrdering ordering = QueueOrdering.None)
    {
        var seen = new Recorder<string>();
        await broker.Queues.ConsumeAsync(
            new QueueSubscription(Queue) { Ordering = ordering },
            (delivery, _) =>
            {
                seen.Add(Encoding.UTF8.GetString(delivery.Payload.Span));
                return ValueTask.FromResult(QueueVerdict.Ack);
            },
            Cancel);
        return await seen.WaitForAsync(count);
    }

    private async Task<BrokerException> RefusedAsync(string code)
    {
        var refusal = await Assert.ThrowsAsync<BrokerException>(async () => await _folder.OpenAsync());
        Assert.Equal(code, refusal.Code);
        Assert.Contains(_folder.File, refusal.Message, StringComparison.Ordinal);
        return refusal;
    }

    private void Sql(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={_folder.File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
