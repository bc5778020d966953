using Xunit;

namespace Iii.Broker.Specs;

/// <summary>The contract of <see cref="ILeaseProvider"/>. An adapter passes when a subclass with its factory is green.</summary>
public abstract class LeaseProviderSpecs : SeamSpecs<ILeaseProvider>
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    /// <summary>One holder.</summary>
    [Fact]
    public async Task A_lease_has_one_holder_and_is_not_reentrant()
    {
        var leases = await OpenAsync();
        var name = Unique("lease");
        await using var lease = await leases.TryAcquireAsync(name, Long, Cancel);

        Assert.NotNull(lease);
        Assert.Equal(name, lease.Name);
        Assert.False(lease.Lost.IsCancellationRequested);
        Assert.Null(await leases.TryAcquireAsync(name, Long, Cancel));
    }

    /// <summary>One holder among instances.</summary>
    [Fact]
    public async Task A_lease_has_one_holder_among_instances_that_race_for_it()
    {
        var first = await OpenAsync();
        if (await OpenSecondAsync(first) is not { } second)
        {
            return;
        }

        for (var round = 0; round < 10; round++)
        {
            var name = Unique("lease");
            var attempts = await Task.WhenAll(Enumerable.Range(0, 8).Select(
                i => Task.Run(async () => await (i % 2 == 0 ? first : second).TryAcquireAsync(name, Long, Cancel))));
            Assert.Single(attempts, lease => lease is not null);
        }
    }

    /// <summary>Names are apart.</summary>
    [Fact]
    public async Task Leases_with_different_names_do_not_touch_each_other()
    {
        var leases = await OpenAsync();
        var name = Unique("lease");
        foreach (var each in (string[])[name, name + "x", name.ToUpperInvariant(), "日本 😀" + name, name.PadRight(BrokerLimits.MaxNameBytes, 'n')])
        {
            Assert.NotNull(await leases.TryAcquireAsync(each, Long, Cancel));
        }
    }

    /// <summary>Release is dispose.</summary>
    [Fact]
    public async Task A_lease_that_is_disposed_is_free_at_once_and_was_not_lost()
    {
        var leases = await OpenAsync();
        var name = Unique("lease");
        var lease = await leases.TryAcquireAsync(name, Long, Cancel);
        await lease!.DisposeAsync();

        Assert.NotNull(await leases.TryAcquireAsync(name, Long, Cancel));
        Assert.False(lease.Lost.IsCancellationRequested);
    }

    /// <summary>A late dispose is harmless.</summary>
    [Fact]
    public async Task Disposing_a_lease_twice_does_not_release_its_next_holder()
    {
        var leases = await OpenAsync();
        var name = Unique("lease");
        var first = await leases.TryAcquireAsync(name, Long, Cancel);
        await first!.DisposeAsync();
        var second = await leases.TryAcquireAsync(name, Long, Cancel);
        await first.DisposeAsync();

        Assert.NotNull(second);
        Assert.Null(await leases.TryAcquireAsync(name, Long, Cancel));
    }

    /// <summary>Fencing.</summary>
    [Fact]
    public async Task Fencing_tokens_of_a_name_only_grow()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var name = Unique("lease");
        var last = 0L;
        for (var i = 0; i < 10; i++)
        {
            await using var lease = await (i % 2 == 0 ? first : second).TryAcquireAsync(name, Long, Cancel);
            Assert.True(lease!.FencingToken > last);
            last = lease.FencingToken;
        }
    }

    /// <summary>Renewal.</summary>
    [Fact]
    public async Task A_lease_is_held_for_longer_than_its_time_to_live()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        var name = Unique("lease");
        var lease = await first.TryAcquireAsync(name, Short, Cancel);

        await Eventually.KeepsHoldingAsync("the lease is held", Short * 2.2, () => !lease!.Lost.IsCancellationRequested);

        Assert.Null(await second.TryAcquireAsync(name, Short, Cancel));
    }

    /// <summary>Loss and take-over.</summary>
    [Fact]
    public async Task A_lease_of_an_instance_that_is_cut_off_is_lost_and_then_free()
    {
        var first = await OpenSubjectAsync();
        var second = first.Seam.Features.HasFlag(BrokerFeatures.Shared) ? await OpenAsync() : null;
        var name = Unique("lease");
        var lease = await first.Seam.TryAcquireAsync(name, Short, Cancel);
        var order = new Recorder<string>();
        await using var registration = lease!.Lost.Register(() => order.Add("lost"));

        await first.CutOffAsync();
        second ??= await OpenAsync();
        ILease? next = null;
        await Eventually.HoldsAsync("the lease is free", async () => (next = await second.TryAcquireAsync(name, Short, Cancel)) is not null);
        order.Add("free");

        Assert.Equal(["lost", "free"], await order.WaitForAsync(2));
        Assert.True(next!.FencingToken > lease.FencingToken);
        await lease.DisposeAsync();
        Assert.Null(await second.TryAcquireAsync(name, Short, Cancel));
    }

    /// <summary>Once for everybody.</summary>
    [Fact]
    public async Task A_claim_is_won_once_among_instances_that_race_for_it()
    {
        var first = await OpenAsync();
        var second = await OpenSecondAsync(first) ?? first;
        for (var round = 0; round < 10; round++)
        {
            var name = Unique("claim");
            var wins = await Task.WhenAll(Enumerable.Range(0, 8).Select(
                i => Task.Run(async () => await (i % 2 == 0 ? first : second).TryClaimAsync(name, Long, Cancel))));
            Assert.Single(wins, won => won);
        }
    }

    /// <summary>The record outlives the winner.</summary>
    [Fact]
    public async Task A_claim_outlives_the_instance_that_won_it()
    {
        var first = await OpenSubjectAsync();
        var name = Unique("claim");
        Assert.True(await first.Seam.TryClaimAsync(name, Long, Cancel));
        if ((first.Seam.Features & (BrokerFeatures.Shared | BrokerFeatures.Durable)) == 0)
        {
            Assert.False(await first.Seam.TryClaimAsync(name, Long, Cancel));
            return;
        }

        await first.Seam.DisposeAsync();
        Assert.False(await (await OpenAsync()).TryClaimAsync(name, Long, Cancel));
    }

    /// <summary>The record ends.</summary>
    [Fact]
    public async Task A_claim_can_be_won_again_when_its_retention_has_passed()
    {
        var leases = await OpenAsync();
        var name = Unique("claim");
        Assert.True(await leases.TryClaimAsync(name, Short, Cancel));
        Assert.False(await leases.TryClaimAsync(name, Short, Cancel));

        await Eventually.HoldsAsync("the claim can be won again", async () => await leases.TryClaimAsync(name, Short, Cancel));
    }

    /// <summary>Two things.</summary>
    [Fact]
    public async Task A_lease_and_a_claim_with_one_name_are_apart()
    {
        var leases = await OpenAsync();
        var name = Unique("both");
        await using var lease = await leases.TryAcquireAsync(name, Long, Cancel);

        Assert.NotNull(lease);
        Assert.True(await leases.TryClaimAsync(name, Long, Cancel));
    }

    /// <summary>The bound.</summary>
    [Fact]
    public async Task A_lease_too_many_is_refused_until_one_is_released()
    {
        var leases = await OpenAsync();
        var held = new List<ILease>();
        for (var i = 0; i < leases.Limits.MaxNames; i++)
        {
            held.Add((await leases.TryAcquireAsync(Unique("lease"), Long, Cancel))!);
        }

        await RefusesAsync(BrokerErrorCodes.LimitExceeded, async () => await leases.TryAcquireAsync(Unique("lease"), Long, Cancel));
        await held[0].DisposeAsync();
        Assert.NotNull(await leases.TryAcquireAsync(Unique("lease"), Long, Cancel));
    }

    /// <summary>The naming rules.</summary>
    [Theory]
    [ClassData(typeof(InvalidNames))]
    public async Task A_lease_or_claim_that_has_no_name_is_refused(string name)
    {
        var leases = await OpenAsync();
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await leases.TryAcquireAsync(name, Long, Cancel));
        await RefusesAsync(BrokerErrorCodes.InvalidName, async () => await leases.TryClaimAsync(name, Long, Cancel));
    }

    /// <summary>The bounds of time.</summary>
    [Fact]
    public async Task A_duration_beyond_the_bounds_is_a_programming_error()
    {
        var leases = await OpenAsync();
        foreach (var duration in (TimeSpan[])[TimeSpan.Zero, BrokerLimits.MinLeaseDuration / 2, BrokerLimits.MaxLeaseDuration * 2])
        {
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await leases.TryAcquireAsync("lease", duration, Cancel));
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await leases.TryClaimAsync("claim", duration, Cancel));
        }
    }

    /// <summary>No answer is not an answer.</summary>
    [Fact]
    public async Task An_instance_that_is_cut_off_gets_neither_lease_nor_claim()
    {
        var leases = await OpenSubjectAsync();
        await leases.CutOffAsync();

        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, async () => await leases.Seam.TryClaimAsync(Unique("claim"), Long, Cancel));
        await SoonRefusesAsync(BrokerErrorCodes.BrokerUnavailable, async () => await leases.Seam.TryAcquireAsync(Unique("lease"), Long, Cancel));
    }

    /// <summary>Closing an instance hands over.</summary>
    [Fact]
    public async Task Disposing_the_provider_twice_releases_its_leases_and_ends_its_use()
    {
        var leases = await OpenAsync();
        var name = Unique("lease");
        var lease = await leases.TryAcquireAsync(name, Long, Cancel);
        await leases.DisposeAsync();
        await leases.DisposeAsync();
        await lease!.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await leases.TryAcquireAsync(name, Long, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await leases.TryClaimAsync(name, Long, Cancel));
        Assert.NotNull(await (await OpenAsync()).TryAcquireAsync(name, Long, Cancel));
    }
}
