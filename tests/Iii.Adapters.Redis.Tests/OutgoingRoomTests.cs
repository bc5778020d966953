namespace Iii.Adapters.Redis.Tests;

public sealed class OutgoingRoomTests
{
    [Fact]
    public void Those_who_wait_are_served_in_line_and_nobody_passes_them()
    {
        var room = new OutgoingRoom(10);
        var served = new List<int>();
        Assert.True(room.TryTake(8));
        var first = room.TakeAsync(5, () => served.Add(1), CancellationToken.None);
        var second = room.TakeAsync(1, () => served.Add(2), CancellationToken.None);
        Assert.False(room.TryTake(1));
        Assert.Empty(served);

        room.Release(8);

        Assert.Equal([1, 2], served);
        Assert.True(first.IsCompletedSuccessfully && second.IsCompletedSuccessfully);
        Assert.True(room.TryTake(4));
        Assert.False(room.TryTake(1));
    }

    [Fact]
    public void What_is_larger_than_the_room_has_it_to_itself()
    {
        var room = new OutgoingRoom(10);
        Assert.True(room.TryTake(1));
        var large = room.TakeAsync(100, () => { }, CancellationToken.None);
        Assert.False(large.IsCompleted);

        room.Release(1);

        Assert.True(large.IsCompletedSuccessfully);
        Assert.False(room.TryTake(1));
        room.Release(100);
        Assert.True(room.TryTake(1));
    }

    [Fact]
    public async Task Who_does_not_want_to_wait_any_more_takes_nothing_and_holds_nobody_up()
    {
        var room = new OutgoingRoom(10);
        using var cancellation = new CancellationTokenSource();
        Assert.True(room.TryTake(10));
        var given = room.TakeAsync(10, () => Assert.Fail("It was given up."), cancellation.Token);
        var next = room.TakeAsync(10, () => { }, CancellationToken.None);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Assert.False(next.IsCompleted);
        room.Release(10);

        Assert.True(next.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Room_is_never_lost_or_overrun_when_many_come_and_go()
    {
        const int Limit = 1000;
        var room = new OutgoingRoom(Limit);
        var (used, most) = (0, 0);
        void Taken(int bytes)
        {
            var now = Interlocked.Add(ref used, bytes);
            for (var seen = most; now > seen && Interlocked.CompareExchange(ref most, now, seen) != seen; seen = most)
            {
            }
        }

        await Task.WhenAll(Enumerable.Range(1, 16).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 5_000; i++)
            {
                var bytes = random.Next(1, 300);
                if (room.TryTake(bytes))
                {
                    Taken(bytes);
                }
                else
                {
                    await room.TakeAsync(bytes, () => Taken(bytes), CancellationToken.None);
                }

                Interlocked.Add(ref used, -bytes);
                room.Release(bytes);
            }
        })));

        Assert.True(room.TryTake(Limit));
        Assert.InRange(most, 1, Limit);
    }
}
