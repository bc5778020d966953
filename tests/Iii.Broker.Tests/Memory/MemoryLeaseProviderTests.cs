using Iii.Broker.Memory;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Broker.Tests.Memory;

/// <summary>What only a faked clock can show of leases and claims.</summary>
public sealed class MemoryLeaseProviderTests : IAsyncDisposable
{
    private static readonly TimeSpan TimeToLive = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLink _link = new();
    private readonly MemoryLeaseProvider _first;
    private readonly MemoryLeaseProvider _second;

    public MemoryLeaseProviderTests()
    {
        var world = new MemoryWorld(new MemoryWorldOptions { Limits = new BrokerLimits { MaxNames = 2 } }, _time);
        _first = new MemoryLeaseProvider(world, _link);
        _second = new MemoryLeaseProvider(world);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _first.DisposeAsync();
        await _second.DisposeAsync();
    }

    [Fact]
    public async Task A_lease_is_lost_when_its_time_to_live_has_passed_since_the_cut_and_not_before()
    {
        var lease = await _first.TryAcquireAsync("lease", TimeToLive, Cancel);
        _time.Advance(TimeToLive * 10);
        _link.Cut();
        _time.Advance(TimeToLive - Tick);
        Assert.False(lease!.Lost.IsCancellationRequested);
        Assert.Null(await _second.TryAcquireAsync("lease", TimeToLive, Cancel));

        _time.Advance(Tick);
        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.NotNull(await _second.TryAcquireAsync("lease", TimeToLive, Cancel));
    }

    [Fact]
    public async Task A_cut_that_is_shorter_than_the_time_to_live_loses_no_lease_and_the_next_one_starts_anew()
    {
        var lease = await _first.TryAcquireAsync("lease", TimeToLive, Cancel);
        for (var i = 0; i < 3; i++)
        {
            _link.Cut();
            _time.Advance(TimeToLive - Tick);
            _link.Restore();
        }

        _time.Advance(TimeToLive * 2);
        Assert.False(lease!.Lost.IsCancellationRequested);
        Assert.Null(await _second.TryAcquireAsync("lease", TimeToLive, Cancel));
    }

    [Fact]
    public async Task A_lease_released_while_cut_off_is_free_when_the_link_is_back_or_its_time_has_passed()
    {
        var one = await _first.TryAcquireAsync("one", TimeToLive, Cancel);
        var two = await _first.TryAcquireAsync("two", TimeToLive, Cancel);
        _link.Cut();
        await one!.DisposeAsync();
        Assert.Null(await _second.TryAcquireAsync("one", TimeToLive, Cancel));
        _link.Restore();
        await using var next = await _second.TryAcquireAsync("one", TimeToLive, Cancel);
        Assert.NotNull(next);

        _link.Cut();
        await two!.DisposeAsync();
        _time.Advance(TimeToLive);
        Assert.NotNull(await _second.TryAcquireAsync("two", TimeToLive, Cancel));
        Assert.False(one.Lost.IsCancellationRequested || two.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_claim_lasts_for_its_retention_to_the_tick_and_claims_are_bounded_in_number()
    {
        Assert.True(await _first.TryClaimAsync("1", TimeToLive, Cancel));
        Assert.True(await _first.TryClaimAsync("2", TimeToLive * 2, Cancel));
        var refused = await Assert.ThrowsAsync<BrokerException>(async () => await _first.TryClaimAsync("3", TimeToLive, Cancel));
        Assert.Equal(BrokerErrorCodes.LimitExceeded, refused.Code);

        _time.Advance(TimeToLive - TimeSpan.FromTicks(1));
        Assert.False(await _second.TryClaimAsync("1", TimeToLive, Cancel));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.True(await _second.TryClaimAsync("1", TimeToLive, Cancel));
        Assert.False(await _second.TryClaimAsync("2", TimeToLive, Cancel));
    }
}
