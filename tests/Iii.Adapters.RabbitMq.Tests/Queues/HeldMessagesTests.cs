using Iii.Adapters.RabbitMq.Queues;
using Microsoft.Extensions.Time.Testing;

namespace Iii.Adapters.RabbitMq.Tests.Queues;

public sealed class HeldMessagesTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly HeldMessages _held;

    public HeldMessagesTests() => _held = new HeldMessages(_time, maxBytes: 100);

    [Fact]
    public void Messages_come_out_when_they_are_due_and_in_that_order_and_those_of_the_same_time_as_they_came()
    {
        _held.Add(Message("late"), 3 * Second);
        _held.Add(Message("first"), Second);
        _held.Add(Message("second"), Second);
        _time.Advance(Second - TimeSpan.FromTicks(1));
        Assert.Empty(TakeDue());
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(_time.GetTimestamp(), _held.FirstDue);
        Assert.Equal(["first", "second"], TakeDue());
        _time.Advance(5 * Second);
        Assert.Equal(["late"], TakeDue());
        Assert.Null(_held.FirstDue);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_cancelled_message_is_dropped_whichever_came_first(bool isCancellationFirst)
    {
        if (isCancellationFirst)
        {
            Assert.True(_held.TryAddCancellation(Cancellation("a"), Second, asks: false));
        }

        _held.Add(Message("a"), Second);
        _held.Add(Message("b"), Second);
        if (!isCancellationFirst)
        {
            Assert.True(_held.TryAddCancellation(Cancellation("a"), Second, asks: true));
        }

        _time.Advance(Second);
        Assert.Equal(["b", "dropped a"], TakeDue());
    }

    [Fact]
    public void A_message_that_comes_again_minutes_after_its_time_is_still_cancelled_and_then_the_cancellation_is_over()
    {
        Assert.True(_held.TryAddCancellation(Cancellation("a"), Second, asks: true));
        _time.Advance(Second + HeldMessages.LongestLateness - TimeSpan.FromTicks(1));
        _held.Add(Message("a"), TimeSpan.Zero);
        Assert.Equal(["dropped a"], TakeDue());
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(["dropped cancellation of a"], TakeDue());
        _held.Add(Message("a"), TimeSpan.Zero);
        Assert.Equal(["a"], TakeDue());
    }

    /// <summary>The answer tells whoever asks; of what asks nobody, or comes again, somebody may have been told that it is cancelled.</summary>
    [Theory]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    [InlineData(false, false, true)]
    public void A_cancellation_that_comes_too_late_holds_if_somebody_may_rely_on_it(bool asks, bool isRedelivered, bool holds)
    {
        _held.Add(Message("a"), Second);
        Assert.Equal(holds, _held.TryAddCancellation(Cancellation("a") with { IsRedelivered = isRedelivered }, TimeSpan.Zero, asks));
        _time.Advance(Second);
        Assert.Equal(holds ? ["dropped a"] : ["a"], TakeDue());
    }

    [Fact]
    public void Only_the_first_of_two_cancellations_is_held()
    {
        Assert.True(_held.TryAddCancellation(Cancellation("a"), Second, asks: true));
        Assert.False(_held.TryAddCancellation(Cancellation("a"), Second, asks: true));
    }

    [Fact]
    public void A_retry_is_not_dropped_by_a_cancellation_from_before()
    {
        Assert.True(_held.TryAddCancellation(Cancellation("a"), Second, asks: false));
        _held.Add(Message("a", attempts: 1), Second);
        _time.Advance(Second);
        Assert.Equal(["a"], TakeDue());
    }

    [Fact]
    public void What_was_held_before_waits_for_its_cancellation_behind_the_last_of_it()
    {
        _held.Add(Message("a") with { IsRedelivered = true }, TimeSpan.Zero);
        _held.Add(Message("b"), TimeSpan.Zero);
        Assert.Equal(["b"], TakeDue());
        _time.Advance(HeldMessages.Settling / 2);
        _held.Add(Message("c") with { IsRedelivered = true }, TimeSpan.Zero);
        _time.Advance(HeldMessages.Settling / 2);
        Assert.Empty(TakeDue());
        Assert.True(_held.TryAddCancellation(Cancellation("a") with { IsRedelivered = true }, TimeSpan.Zero, asks: true));
        _time.Advance(HeldMessages.Settling);
        Assert.Equal(["c", "dropped a"], TakeDue());
    }

    [Fact]
    public void What_comes_from_the_steps_overdue_waits_a_moment_for_its_cancellation()
    {
        _held.Add(Message("a") with { HasPassedSteps = true }, -Second);
        Assert.Empty(TakeDue());
        _time.Advance(HeldMessages.Settling);
        Assert.Equal(["a"], TakeDue());
    }

    [Fact]
    public void Bodies_are_bounded_and_the_room_of_what_is_gone_or_cancelled_is_free_again()
    {
        var (sent, cancelled) = (new HeldMessage(0, "", "sent", default, new byte[60]), new HeldMessage(0, "", "cancelled", default, new byte[40]));
        Assert.True(_held.TryTakeRoom(60));
        Assert.True(_held.TryTakeRoom(40));
        Assert.False(_held.TryTakeRoom(1));
        _held.Add(sent, Second);
        _held.Add(cancelled, Second);
        Assert.True(_held.TryAddCancellation(Cancellation("cancelled"), Second, asks: true));
        _time.Advance(Second);
        Assert.Equal(["sent", "dropped cancelled"], TakeDue());
        Assert.True(_held.TryTakeRoom(40));
        Assert.False(_held.TryTakeRoom(1));
        _held.FreeRoom(sent);
        Assert.True(_held.TryTakeRoom(60));
        Assert.True(new HeldMessages(_time, maxBytes: null).TryTakeRoom(int.MaxValue));
    }

    private static HeldMessage Message(string id, int attempts = 0)
    {
        var record = new QueueRecord
        {
            MessageId = id,
            EnqueuedAt = DateTimeOffset.UnixEpoch,
            Headers = new Dictionary<string, string>(),
            Payload = default,
            Attempts = attempts,
        };
        return new HeldMessage(0, "", id, default, QueueRecordFormat.Write(record).ToArray());
    }

    private static HeldMessage Cancellation(string id) => new(0, "", id, default, []) { IsCancellation = true };

    private string[] TakeDue()
    {
        var (due, dropped) = _held.TakeDue();
        return
        [
            .. due.Select(static message => message.MessageId),
            .. dropped.Select(static message => message.IsCancellation ? $"dropped cancellation of {message.MessageId}" : $"dropped {message.MessageId}"),
        ];
    }
}
