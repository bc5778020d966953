using Iii.Broker;
using Iii.Engine.Modules.Queue;
using Iii.Protocol;

namespace Iii.Engine.Tests.Modules.Queue;

public sealed class RetryPolicyTests
{
    private static readonly RetryOptions Options = new(3, TimeSpan.FromSeconds(1));

    /// <summary>Codes that a failed attempt can have; the first two do not count.</summary>
    private static readonly string[] Codes =
        [ErrorCodes.InvocationStopped, AttemptFailure.ConsumerLost, ErrorCodes.InvocationFailed, ErrorCodes.FunctionNotFound, AttemptFailure.HandlerFailed];

    [Fact]
    public void Done_is_acknowledged_whatever_came_before()
    {
        foreach (var history in Histories())
        {
            Assert.Same(QueueVerdict.Ack, Decide(JobOutcome.Done, history));
        }
    }

    [Fact]
    public void Unusable_message_is_dead_at_once()
    {
        var failure = new AttemptFailure("malformed_job", "m");
        var verdict = Assert.IsType<QueueVerdict.DeadLettered>(Decide(new JobOutcome(JobEnd.Unusable, failure), []));
        Assert.Same(failure, verdict.Reason);
    }

    [Fact]
    public void By_default_attempts_are_made_after_one_and_two_seconds_and_then_no_more()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), Delay(Decide(Failed(), [])));
        Assert.Equal(TimeSpan.FromSeconds(2), Delay(Decide(Failed(), [ErrorCodes.InvocationFailed])));
        var dead = Assert.IsType<QueueVerdict.DeadLettered>(Decide(Failed(), [ErrorCodes.InvocationFailed, ErrorCodes.InvocationFailed]));
        Assert.Equal(ErrorCodes.InvocationFailed, dead.Reason.Code);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(40)]
    [InlineData(100)]
    public void Failures_are_made_up_to_the_maximum_and_no_more(int maximum)
    {
        var options = Options with { MaxAttempts = maximum };
        for (var attempt = 1; attempt < maximum; attempt++)
        {
            Assert.IsType<QueueVerdict.Retried>(Decide(Failed(), Remembered(attempt - 1), attempt, options));
        }

        Assert.IsType<QueueVerdict.DeadLettered>(Decide(Failed(), Remembered(maximum - 1), maximum, options));
    }

    [Fact]
    public void For_every_history_what_counts_decides()
    {
        foreach (var history in Histories())
        {
            var counted = history.Count(static code => code is not (ErrorCodes.InvocationStopped or AttemptFailure.ConsumerLost)) + 1;
            var verdict = Decide(Failed(), history);
            Assert.Equal(counted >= Options.MaxAttempts, verdict is QueueVerdict.DeadLettered);
            if (verdict is QueueVerdict.Retried retried)
            {
                Assert.NotNull(retried.Failure);
                Assert.Equal(TimeSpan.FromSeconds(Math.Pow(2, counted - 1)), retried.Delay);
            }
        }
    }

    [Fact]
    public void Refusals_do_not_count_and_leave_no_record()
    {
        foreach (var history in Histories())
        {
            var verdict = Assert.IsType<QueueVerdict.Retried>(Decide(Refused(), history));
            Assert.Null(verdict.Failure);
            Assert.InRange(verdict.Delay, TimeSpan.FromSeconds(1), RetryPolicy.MaxWait);
        }
    }

    [Fact]
    public void Pauses_of_refusals_grow_to_half_a_minute()
    {
        double[] seconds = [1, 2, 4, 8, 16, 30, 30];
        for (var waits = 0; waits < seconds.Length; waits++)
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds[waits]), Delay(Decide(Refused(), [], attempt: waits + 1)));
        }
    }

    [Fact]
    public void Refusals_beyond_the_bound_count_as_failures()
    {
        Assert.Null(Assert.IsType<QueueVerdict.Retried>(Decide(Refused(), [], attempt: RetryPolicy.MaxWaits)).Failure);
        Assert.NotNull(Assert.IsType<QueueVerdict.Retried>(Decide(Refused(), [], attempt: RetryPolicy.MaxWaits + 1)).Failure);
        string[] twoFailures = [ErrorCodes.FunctionNotFound, ErrorCodes.FunctionNotFound];
        Assert.IsType<QueueVerdict.DeadLettered>(Decide(Refused(), twoFailures, attempt: RetryPolicy.MaxWaits + 3));
    }

    [Fact]
    public void After_a_wait_the_failures_alone_count()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), Delay(Decide(Failed(), [], attempt: 50)));
        Assert.IsType<QueueVerdict.DeadLettered>(Decide(Failed(), [ErrorCodes.InvocationFailed, ErrorCodes.InvocationFailed], attempt: 50));
    }

    [Fact]
    public void Refusals_do_not_count_after_more_failures_than_are_remembered()
    {
        const int Failures = 40;
        var options = Options with { MaxAttempts = 100 };
        AttemptRecord[] history = [.. Remembered(Failures)[1..], new AttemptRecord(Failures + 61, DateTimeOffset.UnixEpoch, new AttemptFailure(ErrorCodes.InvocationFailed, "m"))];
        Assert.IsType<QueueVerdict.Retried>(Decide(Failed(), history, Failures + 62, options));
        Assert.Equal(Failures + 2, RetryPolicy.CountTries(history));
        Assert.Equal(RetryPolicy.MaxWait, Delay(Decide(Refused(), history, Failures + 62, options)));
        Assert.NotNull(Assert.IsType<QueueVerdict.Retried>(Decide(Refused(), history, Failures + 62 + RetryPolicy.MaxWaits, options)).Failure);
    }

    [Fact]
    public void Third_lost_worker_makes_a_dead_letter_of_its_own_code()
    {
        Assert.IsType<QueueVerdict.Retried>(Decide(Stopped(), []));
        Assert.IsType<QueueVerdict.Retried>(Decide(Stopped(), [ErrorCodes.InvocationStopped, ErrorCodes.InvocationFailed]));
        var dead = Assert.IsType<QueueVerdict.DeadLettered>(Decide(
            Stopped(), [ErrorCodes.InvocationStopped, ErrorCodes.InvocationFailed, ErrorCodes.InvocationStopped]));
        Assert.Equal(RetryPolicy.WorkerCrash, dead.Reason.Code);
    }

    [Fact]
    public void Job_that_took_its_instance_away_too_often_is_not_tried_again()
    {
        string[] losses = [.. Enumerable.Repeat(AttemptFailure.ConsumerLost, RetryPolicy.MaxLosses)];
        Assert.Null(RetryPolicy.FindPoison(Records(losses[1..])));
        Assert.Equal(RetryPolicy.WorkerCrash, RetryPolicy.FindPoison(Records(losses))!.Code);
    }

    [Theory]
    [InlineData("Exponential", 1, 1)]
    [InlineData("Exponential", 5, 16)]
    [InlineData("Exponential", 10, 512)]
    [InlineData("Exponential", 11, 900)]
    [InlineData("Exponential", 64, 900)]
    [InlineData("Exponential", 100_000, 900)]
    [InlineData("Linear", 5, 5)]
    [InlineData("Linear", 900, 900)]
    [InlineData("Linear", int.MaxValue, 900)]
    [InlineData("Fixed", 1, 1)]
    [InlineData("Fixed", int.MaxValue, 1)]
    public void Pauses_grow_as_the_type_says_and_never_overflow(string type, int failure, double seconds)
    {
        var options = new RetryOptions(int.MaxValue, TimeSpan.FromSeconds(1), Enum.Parse<BackoffType>(type));
        if (failure < int.MaxValue)
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), Delay(Decide(Failed(), Remembered(failure - 1), failure, options)));
        }
        else
        {
            // One less, so that it is not the last.
            Assert.Equal(TimeSpan.FromSeconds(seconds), Delay(Decide(Failed(), Remembered(failure - 2), failure - 1, options)));
        }
    }

    [Fact]
    public void Jitter_adds_at_most_a_tenth_and_never_passes_the_longest_pause()
    {
        for (var failure = 1; failure < 80; failure++)
        {
            var options = new RetryOptions(int.MaxValue, TimeSpan.FromMilliseconds(1_500));
            var least = Delay(Decide(Failed(), Remembered(failure - 1), failure, options, random: 0));
            var most = Delay(Decide(Failed(), Remembered(failure - 1), failure, options, random: 1));
            Assert.InRange(most, least, least * 1.1);
            Assert.True(most <= RetryPolicy.MaxBackoff);
        }
    }

    [Fact]
    public void Pause_of_nothing_stays_nothing() =>
        Assert.Equal(TimeSpan.Zero, Delay(Decide(Failed(), Remembered(20), 21, new RetryOptions(100, TimeSpan.Zero), random: 1)));

    [Fact]
    public void Tries_do_not_count_waits_as_long_as_all_failures_are_remembered()
    {
        Assert.Equal(1, RetryPolicy.CountTries([]));
        Assert.Equal(3, RetryPolicy.CountTries(Remembered(2)));
        Assert.Equal(50, RetryPolicy.CountTries(Remembered(49)));
    }

    /// <summary>All histories of up to four failures.</summary>
    private static IEnumerable<string[]> Histories()
    {
        IEnumerable<string[]> longest = [[]];
        List<string[]> all = [[]];
        for (var length = 1; length <= 4; length++)
        {
            longest = [.. longest.SelectMany(history => Codes.Select(code => (string[])[.. history, code]))];
            all.AddRange(longest);
        }

        return all.Where(static history => history.Count(static code => code == ErrorCodes.InvocationStopped) < RetryPolicy.MaxCrashes);
    }

    private static JobOutcome Failed() => new(JobEnd.Failed, new AttemptFailure(ErrorCodes.InvocationFailed, "m"));

    private static JobOutcome Refused() => new(JobEnd.Refused, new AttemptFailure(ErrorCodes.FunctionNotFound, "m"));

    private static JobOutcome Stopped() => new(JobEnd.Failed, new AttemptFailure(ErrorCodes.InvocationStopped, "m"));

    private static QueueVerdict Decide(JobOutcome outcome, string[] history, int? attempt = null) =>
        RetryPolicy.Decide(outcome, attempt ?? (history.Length + 1), Records(history), Options, random: 0);

    private static QueueVerdict Decide(
        JobOutcome outcome, IReadOnlyList<AttemptRecord> history, int attempt, RetryOptions options, double random = 0) =>
        RetryPolicy.Decide(outcome, attempt, history, options, random);

    private static TimeSpan Delay(QueueVerdict verdict) => Assert.IsType<QueueVerdict.Retried>(verdict).Delay;

    private static AttemptRecord[] Records(string[] codes, int forgotten = 0) =>
        [.. codes.Select((code, i) => new AttemptRecord(forgotten + i + 1, DateTimeOffset.UnixEpoch, new AttemptFailure(code, "m")))];

    /// <summary>What is remembered of so many failures that count.</summary>
    private static AttemptRecord[] Remembered(int failures)
    {
        var remembered = Math.Min(failures, BrokerLimits.MaxRememberedFailures);
        return Records([.. Enumerable.Repeat(ErrorCodes.InvocationFailed, remembered)], failures - remembered);
    }
}
