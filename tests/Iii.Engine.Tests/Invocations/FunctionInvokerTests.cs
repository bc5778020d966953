using System.Text;
using Iii.Engine.Discovery;
using Iii.Engine.Invocations;
using Iii.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Invocations;

public sealed class FunctionInvokerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly FunctionDirectory _functions = new();
    private readonly DeadlineSweeper _deadlines;
    private readonly InvocationMetrics _metrics;
    private readonly FunctionInvoker _invoker;

    public FunctionInvokerTests()
    {
        _deadlines = new DeadlineSweeper(_time);
        _metrics = new InvocationMetrics(_time);
        _invoker = new FunctionInvoker(_functions, _deadlines, _metrics, _time, TimeSpan.FromMinutes(10));
    }

    public void Dispose()
    {
        _deadlines.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task Deadline_ends_a_call_never_early_and_at_most_a_period_late()
    {
        Register("f", static (_, _) => new ValueTask<ReadOnlyMemory<byte>>(new TaskCompletionSource<ReadOnlyMemory<byte>>().Task));
        var call = InvokeAsync("f", TimeSpan.FromSeconds(30));
        _time.Advance(TimeSpan.FromSeconds(30) - TimeSpan.FromMilliseconds(1));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1) + DeadlineSweeper.Period);
        using var result = await call;
        Assert.Equal(ErrorCodes.InvocationTimeout, result.ReadError().Code);
    }

    [Fact]
    public async Task Deadlines_are_looked_after_again_after_a_rest()
    {
        Register("slow", static (_, _) => new ValueTask<ReadOnlyMemory<byte>>(new TaskCompletionSource<ReadOnlyMemory<byte>>().Task));
        for (var i = 0; i < 3; i++)
        {
            var call = InvokeAsync("slow", TimeSpan.FromSeconds(1));
            _time.Advance(TimeSpan.FromSeconds(2));
            using var result = await call;
            Assert.True(result.IsError);
            _time.Advance(TimeSpan.FromMinutes(5));
        }
    }

    [Fact]
    public async Task Ceiling_bounds_calls_that_name_no_deadline_and_only_those()
    {
        Register("f", static (_, _) => new ValueTask<ReadOnlyMemory<byte>>(new TaskCompletionSource<ReadOnlyMemory<byte>>().Task));
        var unbounded = InvokeAsync("f", TimeSpan.Zero);
        var patient = InvokeAsync("f", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromMinutes(10) + DeadlineSweeper.Period);
        using var result = await unbounded;
        Assert.Equal(ErrorCodes.InvocationTimeout, result.ReadError().Code);
        Assert.False(patient.IsCompleted);
        _time.Advance(TimeSpan.FromMinutes(51));
        using var late = await patient;
        Assert.Equal(ErrorCodes.InvocationTimeout, late.ReadError().Code);
    }

    [Fact]
    public async Task A_result_that_comes_after_the_deadline_is_dropped()
    {
        var answer = new TaskCompletionSource<ReadOnlyMemory<byte>>();
        Register("f", (_, _) => new ValueTask<ReadOnlyMemory<byte>>(answer.Task));
        var call = InvokeAsync("f", TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(2));
        using var result = await call;
        answer.SetResult("1"u8.ToArray());
        Assert.True(result.IsError);
        Assert.Equal(1, _metrics.Failed);
        Assert.Equal(0, _metrics.Succeeded);
    }

    [Fact]
    public async Task An_engine_function_that_throws_fails_its_call_under_its_own_code()
    {
        Register("coded", static (_, _) => throw new EngineFunctionException("topic_not_set", "Topic is not set"));
        Register("broken", static (_, _) => throw new InvalidOperationException("bug"));
        using var coded = await InvokeAsync("coded", TimeSpan.Zero);
        using var broken = await InvokeAsync("broken", TimeSpan.Zero);
        Assert.Equal(("topic_not_set", "Topic is not set"), coded.ReadError());
        Assert.Equal((ErrorCodes.InvocationError, "broken failed: bug"), broken.ReadError());
    }

    [Fact]
    public async Task Null_and_nothing_are_the_same_result()
    {
        Register("null", static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>("null"u8.ToArray()));
        Register("nothing", static (_, _) => ValueTask.FromResult(ReadOnlyMemory<byte>.Empty));
        Register("zero", static (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>("0"u8.ToArray()));
        using var nothing = await InvokeAsync("nothing", TimeSpan.Zero);
        using var nil = await InvokeAsync("null", TimeSpan.Zero);
        using var zero = await InvokeAsync("zero", TimeSpan.Zero);
        Assert.True(nothing.Value.IsEmpty);
        Assert.True(nil.Value.IsEmpty);
        Assert.Equal("0", Encoding.UTF8.GetString(zero.Value.Span));
        Assert.Equal(3, _metrics.Succeeded);
    }

    [Fact]
    public async Task A_dispatch_that_never_left_goes_to_the_next_provider_and_only_then_fails()
    {
        var gone = new RefusingProvider(DispatchResult.Gone);
        var full = new RefusingProvider(DispatchResult.Full);
        _functions.Register(new FunctionRegistration("f", gone, gone, FunctionDetails.None));
        using (var nobody = await InvokeAsync("f", TimeSpan.Zero))
        {
            Assert.Equal(ErrorCodes.FunctionNotFound, nobody.ReadError().Code);
        }

        _functions.Register(new FunctionRegistration("f", full, full, FunctionDetails.None));
        using (var overloaded = await InvokeAsync("f", TimeSpan.Zero))
        {
            Assert.Equal(ErrorCodes.WorkerOverloaded, overloaded.ReadError().Code);
        }

        Assert.Equal(2, gone.Refused);
        Assert.Equal(1, full.Refused);
    }

    [Fact]
    public void Load_balancer_prefers_the_one_with_less_to_do()
    {
        var busy = new RefusingProvider(DispatchResult.Full) { Load = 10 };
        var idle = new RefusingProvider(DispatchResult.Full);
        FunctionRegistration[] providers = [.. new[] { busy, idle }.Select(static provider =>
            new FunctionRegistration("f", provider, provider, FunctionDetails.None))];
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(1, LoadBalancer.Pick(providers));
        }
    }

    [Fact]
    public void Dispatch_ids_are_uuids_of_version_four_and_differ()
    {
        var ids = Enumerable.Range(0, 10_000).Select(static _ => DispatchIds.Next()).ToHashSet();
        Assert.Equal(10_000, ids.Count);
        Assert.All(ids, static id => Assert.Equal(4, id.Version));
        Assert.All(ids, static id => Assert.InRange(id.Variant, 8, 11));
    }

    private void Register(string id, EngineFunctionHandler handler) =>
        _functions.Register(new FunctionRegistration(id, new EngineFunction(handler, _deadlines), this, FunctionDetails.None));

    private Task<InvocationResult> InvokeAsync(string functionId, TimeSpan timeout) =>
        _invoker.InvokeAsync(new Invocation { FunctionId = functionId, Data = "{}"u8, Timeout = timeout }).AsTask();

    private sealed class RefusingProvider(DispatchResult result) : FunctionProvider
    {
        public int Load { get; init; }

        public int Refused { get; private set; }

        public override int InFlight => Load;

        public override DispatchResult Dispatch(FunctionPool function, in Invocation invocation, PendingInvocation pending)
        {
            Refused++;
            return result;
        }
    }
}
