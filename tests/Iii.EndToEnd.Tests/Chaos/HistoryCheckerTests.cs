namespace Iii.EndToEnd.Tests.Chaos;

public class HistoryCheckerTests
{
    [Fact]
    public void Jobs_handled_once_and_in_order_are_good()
    {
        var verdict = Check([At(0, 1, 2), At(1, 2, 3), At(2, 4, 5)]);
        Assert.True(verdict.IsGood);
        Assert.Equal(0, verdict.Doubled);
    }

    [Fact]
    public void Accepted_job_that_nobody_handled_is_lost() =>
        Assert.Equal([Job(2)], Check([At(0, 1, 2), At(1, 2, 3)]).Lost);

    [Fact]
    public void Job_that_was_not_accepted_may_be_missing() =>
        Assert.True(HistoryChecker.Check(History([At(0, 1, 2), At(1, 2, 3)], accepted: [0, 1])).IsGood);

    [Fact]
    public void Job_handled_twice_needs_a_kill_between() =>
        Assert.Equal([Job(0)], Check([At(0, 1, 2), At(0, 3, 4), At(1, 5, 6), At(2, 7, 8)]).Unexplained);

    [Fact]
    public void Kill_long_after_the_end_explains_nothing() =>
        Assert.Equal([Job(0)], Check([At(0, 1, 2), At(1, 3, 4), At(2, 4, 5), At(0, 20, 21)], kills: [19]).Unexplained);

    [Fact]
    public void Job_handled_again_after_a_kill_is_counted()
    {
        var verdict = Check([At(0, 1, 2), At(0, 4, 5), At(1, 5, 6), At(2, 7, 8)], kills: [3]);
        Assert.True(verdict.IsGood);
        Assert.Equal(1, verdict.Doubled);
    }

    [Fact]
    public void Copy_of_a_retry_that_a_kill_left_behind_is_explained_where_there_is_no_order()
    {
        var history = History([At(1, 3, 4), At(0, 4, 5), At(0, 6, 7), At(2, 8, 9)], kills: [2]);
        Assert.True(HistoryChecker.Check(history with { OrderedTopics = new HashSet<string>() }).IsGood);
        Assert.Equal([Job(0)], HistoryChecker.Check(history).Unexplained);
        Assert.Equal([Job(0)], Check([At(0, 12, 13), At(0, 14, 15), At(1, 16, 17), At(2, 18, 19)], kills: [2]).Unexplained);
    }

    [Fact]
    public void Job_enqueued_again_may_be_handled_again() =>
        Assert.True(HistoryChecker.Check(History([At(0, 1, 2), At(0, 3, 4), At(1, 5, 6), At(2, 7, 8)], repeated: [0])).IsGood);

    [Fact]
    public void Job_before_its_predecessor_is_out_of_order() =>
        Assert.Equal([At(2, 2, 3)], Check([At(0, 1, 2), At(2, 2, 3), At(1, 3, 4)]).Misordered);

    [Fact]
    public void Two_jobs_of_a_key_at_once_are_out_of_order() =>
        Assert.Equal([At(1, 2, 4)], Check([At(0, 1, 3), At(1, 2, 4), At(2, 5, 6)]).Misordered);

    [Fact]
    public void Handling_that_never_ended_needs_a_kill()
    {
        Handling[] handlings = [At(0, 1, null), At(0, 3, 4), At(1, 4, 5), At(2, 5, 6)];
        Assert.Equal([handlings[1]], Check(handlings).Misordered);
        Assert.True(Check(handlings, kills: [2]).IsGood);
    }

    [Fact]
    public void Dead_letter_leaves_the_order_and_must_be_handled_all_the_same()
    {
        Handling[] handlings = [At(0, 1, 2), At(2, 2, 3), At(1, 5, 6)];
        Assert.True(HistoryChecker.Check(History(handlings) with { Dead = new HashSet<JobName> { Job(1) } }).IsGood);
        Assert.Equal([handlings[1]], HistoryChecker.Check(History(handlings) with { Dead = new HashSet<JobName> { Job(0) } }).Misordered);
        Assert.Equal([Job(1)], HistoryChecker.Check(History(handlings[..2]) with { Dead = new HashSet<JobName> { Job(1) } }).Lost);
    }

    [Fact]
    public void Topic_without_order_may_be_in_any() =>
        Assert.True(HistoryChecker.Check(History([At(2, 1, 5), At(1, 2, 3), At(0, 3, 4)]) with { OrderedTopics = new HashSet<string>() }).IsGood);

    private static HistoryVerdict Check(Handling[] handlings, int[]? kills = null) =>
        HistoryChecker.Check(History(handlings, kills));

    private static JobHistory History(Handling[] handlings, int[]? kills = null, int[]? accepted = null, int[]? repeated = null) => new(
        (accepted ?? [0, 1, 2]).Select(Job).ToHashSet(),
        (repeated ?? []).Select(Job).ToHashSet(),
        handlings,
        [.. (kills ?? []).Select(static second => new Kill(TimeSpan.FromSeconds(second), TimeSpan.FromSeconds(second), "all"))],
        new HashSet<string> { "topic" });

    private static JobName Job(int number) => new("topic", 0, number);

    private static Handling At(int number, int start, int? end) =>
        new(Job(number), TimeSpan.FromSeconds(start), end is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
}
