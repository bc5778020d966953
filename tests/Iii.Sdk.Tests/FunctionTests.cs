using System.Text;
using System.Text.Json;
using Iii.Sdk.Tests.Support;

namespace Iii.Sdk.Tests;

public class FunctionTests : IAsyncLifetime
{
    private LocalEngine _engine = null!;
    private IiiWorker _worker = null!;
    private IiiWorker _caller = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await LocalEngine.StartAsync();
        _worker = await IiiWorker.ConnectAsync(_engine.Url).Within();
        _caller = await IiiWorker.ConnectAsync(_engine.Url).Within();
    }

    public async ValueTask DisposeAsync()
    {
        await _caller.DisposeAsync();
        await _worker.DisposeAsync();
        await _engine.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Function_is_called_with_its_types(bool runsInline)
    {
        _worker.RegisterFunction(
            "math.add", (Terms terms) => new Sum(terms.A + terms.B), TestJson.Default.Terms, TestJson.Default.Sum,
            new RegisterFunctionOptions { RunsInline = runsInline, Description = "adds", RequestFormat = "{}", Metadata = """{"team":"x"}""" });

        Assert.Equal(5, (await AddAsync(2, 3)).C);
        var sums = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => AddAsync(i, 1))).Within();
        Assert.Equal(Enumerable.Range(1, 500), sums.Select(static sum => sum.C));
    }

    [Fact]
    public async Task Context_tells_who_calls_and_with_what_metadata()
    {
        _worker.RegisterFunction(
            "who",
            static (string? _, InvocationContext context, CancellationToken _) =>
                new ValueTask<string>($"{context.FunctionId} {context.Metadata}"),
            TestJson.Default.String!, TestJson.Default.String);
        var caller = Patience.Signal<string?>();
        _worker.RegisterRawFunction("caller", (input, context, _) =>
        {
            caller.SetResult(context.CallerWorkerId);
            return new ValueTask<ReadOnlyMemory<byte>>(input);
        });

        var text = await Patience.EventuallyAsync(() => _caller.InvokeAsync(
            "who", "x", TestJson.Default.String, TestJson.Default.String, new InvokeOptions { Metadata = """{"k":1}""" }));
        Assert.Equal("""who {"k":1}""", text);
        await Patience.EventuallyAsync(() => _caller.InvokeRawAsync("caller", "{}"u8.ToArray()));
        Assert.Equal(_caller.WorkerId, await caller.Task.Within());
    }

    [Fact]
    public async Task Raw_json_passes_through_untouched()
    {
        _worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));
        var text = "[ 1e400, \"\\u00e4ü\", {\"z\":1,\"a\":2} ]";

        var result = await Patience.EventuallyAsync(() => _caller.InvokeRawAsync("echo", Encoding.UTF8.GetBytes(text)));

        Assert.Equal(text, Encoding.UTF8.GetString(result.Span));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(70_000)]
    [InlineData(10_000_000)]
    public async Task Payload_of_any_size_comes_back_unchanged(int length)
    {
        _worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));
        var text = JsonSerializer.SerializeToUtf8Bytes(new string('x', length), TestJson.Default.String);

        var result = await Patience.EventuallyAsync(() => _caller.InvokeRawAsync("echo", text)).Within();

        Assert.True(text.AsSpan().SequenceEqual(result.Span));
    }

    [Fact]
    public async Task Function_without_result_gives_none()
    {
        _worker.RegisterRawFunction("nothing", static (_, _, _) => default);

        Assert.True((await Patience.EventuallyAsync(() => _caller.InvokeRawAsync("nothing", "null"u8.ToArray()))).IsEmpty);
        Assert.Null(await _caller.InvokeAsync("nothing", "x", TestJson.Default.String, TestJson.Default.String));
    }

    [Fact]
    public async Task Exception_becomes_invocation_failed_and_tells_nothing_of_the_process()
    {
        _worker.RegisterRawFunction("boom", static async (_, _, _) =>
        {
            await Task.Yield();
            throw new InvalidOperationException("boom");
        });

        var e = await FailureOfAsync("boom");

        Assert.Equal("invocation_failed", e.Code);
        Assert.Equal("boom", e.RemoteMessage);
        Assert.False(e.GetError().TryGetProperty("stacktrace", out _));
    }

    [Fact]
    public async Task Function_exception_carries_its_own_code()
    {
        _worker.RegisterRawFunction("stock", static (_, _, _) => throw new IiiFunctionException("out_of_stock", "There are 3 left."));

        var e = await FailureOfAsync("stock");

        Assert.Equal("out_of_stock", e.Code);
        Assert.Equal("There are 3 left.", e.RemoteMessage);
    }

    [Fact]
    public async Task Input_that_does_not_fit_is_told_apart()
    {
        _worker.RegisterFunction("math.add", (Terms terms) => new Sum(terms.A), TestJson.Default.Terms, TestJson.Default.Sum);

        var e = await FailureOfAsync("math.add", "\"text\"");

        Assert.Equal("deserialization_error", e.Code);
    }

    [Fact]
    public async Task Stack_trace_is_sent_only_when_asked_for()
    {
        await using var open = await IiiWorker.ConnectAsync(_engine.Url, new IiiWorkerOptions { SendStackTraces = true }).Within();
        open.RegisterRawFunction("open", static (_, _, _) => throw new InvalidOperationException("boom"));

        var e = await FailureOfAsync("open");

        Assert.Contains(nameof(FunctionTests), e.GetError().GetProperty("stacktrace").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unregistered_function_is_gone()
    {
        var registration = _worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));
        await _worker.InvokeRawAsync("echo", "1"u8.ToArray()).Within();

        registration.Dispose();
        registration.Dispose();

        var e = await Assert.ThrowsAsync<IiiInvocationException>(async () => await _worker.InvokeRawAsync("echo", "1"u8.ToArray()));
        Assert.Equal("function_not_found", e.Code);
    }

    [Fact]
    public void Same_function_twice_is_a_mistake()
    {
        using var first = _worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input));

        Assert.Throws<InvalidOperationException>(() =>
            _worker.RegisterRawFunction("echo", static (input, _, _) => new ValueTask<ReadOnlyMemory<byte>>(input)));
    }

    [Fact]
    public async Task Calls_over_the_bound_wait_and_calls_over_the_second_bound_are_refused()
    {
        await using var small = await IiiWorker.ConnectAsync(
            _engine.Url, new IiiWorkerOptions { MaxConcurrentInvocations = 1, MaxWaitingInvocations = 1 }).Within();
        var release = Patience.Signal<bool>();
        small.RegisterRawFunction("slow", async (_, _, _) =>
        {
            await release.Task;
            return "1"u8.ToArray();
        });

        await small.InvokeVoidRawAsync("slow", "1"u8.ToArray());
        await small.InvokeVoidRawAsync("slow", "1"u8.ToArray());
        var e = await Assert.ThrowsAsync<IiiInvocationException>(async () => await small.InvokeRawAsync("slow", "1"u8.ToArray()));
        Assert.Equal("worker_overloaded", e.Code);
        release.SetResult(true);
    }

    [Fact]
    public async Task Disposal_waits_for_handlers()
    {
        var (started, release) = (Patience.Signal<bool>(), Patience.Signal<bool>());
        var leaving = await IiiWorker.ConnectAsync(_engine.Url).Within();
        leaving.RegisterRawFunction("slow", async (_, _, _) =>
        {
            started.SetResult(true);
            await release.Task;
            return "7"u8.ToArray();
        });
        var call = Patience.EventuallyAsync(() => _caller.InvokeRawAsync("slow", "1"u8.ToArray()));
        await started.Task.Within();

        var disposal = leaving.DisposeAsync();
        release.SetResult(true);
        await disposal.Within();

        Assert.Equal("7", Encoding.UTF8.GetString((await call.Within()).Span));
    }

    private Task<Sum> AddAsync(int a, int b) => Patience.EventuallyAsync(() =>
        _caller.InvokeAsync("math.add", new Terms(a, b), TestJson.Default.Terms, TestJson.Default.Sum));

    private async Task<IiiInvocationException> FailureOfAsync(string functionId, string input = "null")
    {
        while (true)
        {
            var e = await Assert.ThrowsAsync<IiiInvocationException>(async () =>
                await _caller.InvokeRawAsync(functionId, Encoding.UTF8.GetBytes(input)));
            if (e.Code != "function_not_found")
            {
                return e;
            }
        }
    }
}
