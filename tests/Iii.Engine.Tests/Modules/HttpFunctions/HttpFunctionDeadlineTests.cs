using Iii.Engine.Invocations;
using Iii.Engine.Modules.HttpFunctions;

namespace Iii.Engine.Tests.Modules.HttpFunctions;

public sealed class HttpFunctionDeadlineTests : IDisposable
{
    private readonly FunctionHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Theory]
    [InlineData("", 30_000)]
    [InlineData(""","timeout_ms":null""", 30_000)]
    [InlineData(""","timeout_ms":0""", 30_000)]
    [InlineData(""","timeout_ms":4000""", 4_000)]
    public async Task Call_ends_at_the_time_of_its_registration(string members, int milliseconds)
    {
        await using var server = RawHttpServer.Silent();
        var function = _harness.Register(server.Url, members);
        var call = _harness.CallAsync();
        await server.NextAsync();
        _harness.Time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
        Assert.False(call.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal($"http_request_failed: 127.0.0.1 did not answer within {milliseconds} ms", await call);
        await Support.Eventually.TrueAsync(() => function.InFlight == 0);
    }

    [Fact]
    public async Task Deadline_of_the_caller_ends_call_and_request_as_it_does_everywhere()
    {
        await using var server = RawHttpServer.Silent();
        var function = _harness.Register(server.Url);
        var call = _harness.CallAsync(timeout: TimeSpan.FromSeconds(5));
        await server.NextAsync();
        Assert.Equal(1, function.InFlight);
        _harness.Time.Advance(TimeSpan.FromSeconds(5) + DeadlineSweeper.Period);
        Assert.StartsWith("invocation_timeout: ", await call, StringComparison.Ordinal);
        await Support.Eventually.TrueAsync(() => function.InFlight == 0);
    }

    [Fact]
    public async Task Calls_under_way_are_bounded()
    {
        await using var server = RawHttpServer.Silent();
        var function = _harness.Register(server.Url);
        var calls = Enumerable.Range(0, HttpFunction.MaxInFlight).Select(_ => _harness.CallAsync()).ToArray();
        Assert.Equal(HttpFunction.MaxInFlight, function.InFlight);
        Assert.StartsWith("worker_overloaded: ", await _harness.CallAsync(), StringComparison.Ordinal);
        _harness.LoseOwner();
        Assert.All(await Task.WhenAll(calls), static error => Assert.StartsWith("invocation_stopped: ", error, StringComparison.Ordinal));
        await Support.Eventually.TrueAsync(() => function.InFlight == 0);
    }

    [Fact]
    public async Task Loss_of_the_worker_ends_calls_and_requests()
    {
        await using var server = RawHttpServer.Silent();
        var function = _harness.Register(server.Url);
        var call = _harness.CallAsync();
        await server.NextAsync();
        _harness.LoseOwner();
        Assert.Equal("invocation_stopped: Invocation stopped", await call);
        await Support.Eventually.TrueAsync(() => function.InFlight == 0);
        Assert.StartsWith("function_not_found: ", await _harness.CallAsync(), StringComparison.Ordinal);
    }
}
