using Iii.Engine.Modules.Http;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Engine.Tests.Modules.Http;

public sealed class RequestSlotsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Those_who_wait_get_slots_in_order()
    {
        var slots = new RequestSlots(1, 10, Patience, _time);
        Assert.True(slots.TryEnter());
        var first = slots.EnterAsync(CancellationToken.None).AsTask();
        var second = slots.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(slots.TryEnter());
        slots.Exit();
        Assert.True(await first);
        Assert.False(second.IsCompleted);
        slots.Exit();
        Assert.True(await second);
        Assert.Equal(1, slots.InUse);
        slots.Exit();
        Assert.Equal(0, slots.InUse);
    }

    [Fact]
    public async Task Patience_ends_and_the_place_in_the_queue_is_free_again()
    {
        var slots = new RequestSlots(1, 1, Patience, _time);
        slots.TryEnter();
        var first = slots.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(await slots.EnterAsync(CancellationToken.None));
        _time.Advance(Patience);
        Assert.False(await first);
        var next = slots.EnterAsync(CancellationToken.None).AsTask();
        slots.Exit();
        Assert.True(await next);
    }

    [Fact]
    public async Task Client_that_leaves_waits_no_longer()
    {
        var slots = new RequestSlots(1, 1, Patience, _time);
        slots.TryEnter();
        using var client = new CancellationTokenSource();
        var waiting = slots.EnterAsync(client.Token).AsTask();
        await client.CancelAsync();
        Assert.False(await waiting);
        slots.Exit();
        Assert.Equal(0, slots.InUse);
    }
}
