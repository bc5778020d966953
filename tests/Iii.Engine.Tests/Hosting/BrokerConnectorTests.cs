using System.Collections.Concurrent;
using Iii.Broker;
using Iii.Engine.Hosting;
using Iii.Engine.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Hosting;

public sealed class BrokerConnectorTests
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly Lines _log = new();

    [Fact]
    public async Task A_broker_that_comes_up_is_waited_for_and_each_attempt_is_seen()
    {
        var adapter = FakeAdapter.Failing(3);
        var connecting = Connector(adapter).ConnectAsync(TestContext.Current.CancellationToken);
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            await Eventually.TrueAsync(() => _log.Count == attempt);
            Assert.False(connecting.IsCompleted);
            Assert.Equal(attempt, adapter.Attempts);
            _time.Advance(RetryInterval);
        }

        await using var seams = await connecting;
        Assert.Equal(4, adapter.Attempts);
        Assert.Equal(
            [
                "The broker, fake at test://h:1, is not reachable yet (attempt 1): Nobody is there, 1. Trying again, 10 s left",
                "The broker, fake at test://h:1, is not reachable yet (attempt 2): Nobody is there, 2. Trying again, 9 s left",
                "The broker, fake at test://h:1, is not reachable yet (attempt 3): Nobody is there, 3. Trying again, 8 s left",
                "The broker, fake at test://h:1, is reached with attempt 4",
            ],
            _log);
    }

    [Fact]
    public async Task A_broker_that_stays_away_ends_the_start_in_time()
    {
        var adapter = FakeAdapter.Failing(int.MaxValue);
        var connecting = Connector(adapter).ConnectAsync(TestContext.Current.CancellationToken);
        for (var attempt = 1; attempt < 10; attempt++)
        {
            await Eventually.TrueAsync(() => _log.Count == attempt);
            _time.Advance(RetryInterval);
        }

        var e = await Assert.ThrowsAsync<EngineStartException>(() => connecting);
        Assert.Equal(10, adapter.Attempts);
        Assert.StartsWith(
            "The broker, fake at test://h:1, could not be reached within 10 s (10 attempts). Nobody is there, 10.",
            e.Message,
            StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message + string.Concat(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_attempt_without_an_answer_ends_with_the_time_of_all()
    {
        var adapter = new FakeAdapter(static (_, cancellation) => new ValueTask(Task.Delay(Timeout.Infinite, cancellation)));
        var connecting = Connector(adapter).ConnectAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(10));

        var e = await Assert.ThrowsAsync<EngineStartException>(() => connecting);
        Assert.Contains("within 10 s (1 attempt). There was no answer in that time.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_start_that_is_called_off_ends_at_once(bool isInAttempt)
    {
        using var cancellation = new CancellationTokenSource();
        var adapter = isInAttempt
            ? new FakeAdapter(static (_, cancellation) => new ValueTask(Task.Delay(Timeout.Infinite, cancellation)))
            : FakeAdapter.Failing(int.MaxValue);
        var connecting = Connector(adapter).ConnectAsync(cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        Assert.Equal((1, 0), (adapter.Attempts, adapter.Open));
    }

    [Fact]
    public async Task Seams_that_come_after_the_start_was_called_off_are_closed()
    {
        using var cancellation = new CancellationTokenSource();
        var adapter = new FakeAdapter(async (_, _) => await cancellation.CancelAsync());

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Connector(adapter).ConnectAsync(cancellation.Token));
        Assert.Equal((1, 0), (adapter.Attempts, adapter.Open));
    }

    [Fact]
    public async Task A_failure_that_waiting_does_not_mend_ends_the_start_at_once()
    {
        Exception[] failures =
        [
            new BrokerException(BrokerErrorCodes.NotSupported, "too old"), new ArgumentException("too old", "url"),
            new EngineStartException("too old", null),
        ];
        foreach (var failure in failures)
        {
            var adapter = new FakeAdapter((_, _) => ValueTask.FromException(failure));
            var e = await Assert.ThrowsAsync<EngineStartException>(() => Connector(adapter).ConnectAsync(default));
            Assert.EndsWith("too old", e.Message, StringComparison.Ordinal);
            Assert.Equal(1, adapter.Attempts);
        }
    }

    [Theory]
    [InlineData("fke", "broker.adapter: there is no adapter 'fke'; did you mean 'fake'? Adapters: fake, memory.")]
    [InlineData("nats", "broker.adapter: there is no adapter 'nats'. Adapters: fake, memory.")]
    public async Task An_unknown_adapter_is_named_with_those_that_there_are(string name, string expected)
    {
        var connector = Connector(FakeAdapter.Failing(0), new BrokerOptions { Adapter = name });

        Assert.Equal(expected, (await Assert.ThrowsAsync<EngineStartException>(() => connector.ConnectAsync(default))).Message);
    }

    [Fact]
    public async Task The_memory_has_no_settings()
    {
        var options = new BrokerOptions { Settings = new Dictionary<string, string> { ["prefix"] = "x" } };

        var e = await Assert.ThrowsAsync<EngineStartException>(() => Connector(FakeAdapter.Failing(0), options).ConnectAsync(default));
        Assert.Contains("unknown key 'prefix'", e.Message, StringComparison.Ordinal);
    }

    private BrokerConnector Connector(FakeAdapter adapter, BrokerOptions? options = null) => new(
        [new MemoryAdapter(), adapter],
        options ?? new BrokerOptions { Adapter = "fake", Url = "test://:secret@h:1", ConnectTimeoutMs = 10_000 },
        new BrokerEnvironment("iii", "test", NullLoggerFactory.Instance, _time),
        _log);

    private sealed class Lines : ConcurrentQueue<string>, ILogger<BrokerConnector>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Enqueue(formatter(state, exception));
    }
}
